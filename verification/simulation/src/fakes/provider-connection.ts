import type { ProviderHttpAnswer, ProviderHttpRequest } from '@sagamesh/service-payment/provider-exchange';
import type { SimProcess } from '../kernel/host.ts';

/** The way to the simulated provider and back, as the Stripe SDK's own HTTP client would find it. */

export class ConnectionRefused extends Error {
  override readonly name = 'ConnectionRefused';
}
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';
}
export class NoAnswerInTime extends Error {
  override readonly name = 'NoAnswerInTime';
}

/** The SDK's pause before it repeats, once, a request whose connection was closed on it (`initialNetworkRetryDelay`). */
const repeatAfterMillis = 500;

export type Heard =
  { readonly kind: 'answer'; readonly answer: ProviderHttpAnswer } | { readonly kind: 'closed' };

/** One request at the provider. The first thing that is said on it is the last. */
export interface Connection {
  answer(answer: ProviderHttpAnswer): void;
  /** Cut from the provider's side. */
  close(): void;
  readonly heard: Promise<Heard>;
}

export function openConnection(ended: () => void): Connection {
  let tell!: (heard: Heard) => void;
  const heard = new Promise<Heard>((resolve) => {
    tell = resolve;
  });
  const end = (what: Heard) => {
    ended();
    tell(what);
  };
  return {
    answer: (answer) => end({ kind: 'answer', answer }),
    close: () => end({ kind: 'closed' }),
    heard,
  };
}

/** Throws one of the three above. Repeats once when the connection was closed, under the same idempotency key, as the SDK does by a real timer. */
export async function sendThrough(
  process: SimProcess,
  request: ProviderHttpRequest,
  arrive: () => Connection,
): Promise<ProviderHttpAnswer> {
  try {
    return await attempt(process, request, arrive);
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error;
  }
  await new Promise<void>((resolve) => {
    process.clock.schedule(repeatAfterMillis, resolve);
  });
  return attempt(process, request, arrive);
}

function attempt(
  process: SimProcess,
  { method, path, timeoutMillis }: ProviderHttpRequest,
  arrive: () => Connection,
): Promise<ProviderHttpAnswer> {
  return new Promise((resolve, reject) => {
    const cancel = process.clock.schedule(timeoutMillis, () => reject(new NoAnswerInTime()));
    const hear = (heard: Heard) =>
      process.deliver(() => {
        cancel();
        if (heard.kind === 'answer') resolve(heard.answer);
        else reject(new ConnectionClosed());
      });
    // Wrapped: an effect waits for what it is given, with the clock stopped, and a slow provider needs the clock.
    process
      .effect('providerCall', `${method} ${path}`, () => ({ connection: arrive() }))
      .then(
        ({ connection }) => void connection.heard.then(hear),
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
  });
}
