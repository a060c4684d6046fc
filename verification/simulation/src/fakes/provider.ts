import type { ProviderFacts, ProviderMovement } from '@sagamesh/invariants/facts';
import { readCall } from '@sagamesh/payment-provider/http-exchange';
import type { Journal } from '@sagamesh/payment-provider/journal';
import type { Ledger } from '@sagamesh/payment-provider/ledger-read-out';
import { readOut } from '@sagamesh/payment-provider/ledger-read-out';
import {
  emptyLedger,
  type Capture,
  type LedgerEntry,
  type Refund,
} from '@sagamesh/payment-provider/ledger-state';
import { PaymentProvider, type ProviderRequest } from '@sagamesh/payment-provider/payment-provider';
import { refused, serverError, type Answer } from '@sagamesh/payment-provider/stripe-answer';
import type { PaymentGateway } from '@sagamesh/service-payment/payment-gateway';
import type { ProviderHttpAnswer, ProviderHttpRequest } from '@sagamesh/service-payment/provider-exchange';
import { createStripeGateway } from '@sagamesh/service-payment/stripe-gateway';
import type { SimProcess } from '../kernel/host.ts';
import type { SeededRandom } from '../kernel/random.ts';
import { simulationEpochMillis } from '../kernel/sim.ts';
import type { Sim } from '../kernel/sim.ts';
import type { Connection } from './provider-connection.ts';
import { ConnectionRefused, openConnection, sendThrough } from './provider-connection.ts';

/**
 * The payment provider of a run: the bundled provider itself without its HTTP server and its file, reached through the payment service's real
 * gateway and the real Stripe SDK. Only the network between them and the clock are simulated. It outlives processes and its own restarts.
 */

export type MoneyMovement = ProviderMovement & { readonly kind: 'captured' | 'refunded' };

const apiKey = 'sk_test_simulation';
/** PAYMENT_TIMEOUT_MILLIS, SLOW_MILLIS and SILENCE_MILLIS as they are by default. */
const timeoutMillis = 5_000;
const slowMillis = 3_000;
const silenceMillis = 10_000;
/** What `provider.slow` adds: up to well past the gateway's patience, so that some requests arrive when nobody waits any more. */
const slownessMaxMillis = 12_000;

type Said =
  | { readonly kind: 'answer'; readonly answer: ProviderHttpAnswer }
  /** Then the connection is closed without an answer. */
  | { readonly kind: 'silence'; readonly forMillis: number };

/** What a restart takes away: locks, work under way, open connections. */
interface Life {
  readonly provider: PaymentProvider;
  readonly connections: Set<Connection>;
  isOver: boolean;
}

export class SimProvider {
  readonly #sim: Sim;
  readonly #random: SeededRandom;
  readonly #ledger = emptyLedger();
  readonly #movements: MoneyMovement[] = [];
  #ids = 0;
  #life: Life;

  constructor(sim: Sim) {
    this.#sim = sim;
    this.#random = sim.fork('provider');
    this.#life = this.#begin();
    sim.faults.onMoment('provider.restart', () => {
      this.restart();
      return true;
    });
  }

  /** As the payment service does at its start. */
  connect(process: SimProcess): PaymentGateway {
    return createStripeGateway({
      url: 'http://provider.invalid',
      key: apiKey,
      timeoutMillis,
      exchange: (request) => sendThrough(process, request, () => this.#arrive(process.name, request)),
    });
  }

  /** State stays; who waits for an answer finds the connection closed. */
  restart(): void {
    const ended = this.#life;
    ended.isOver = true;
    this.#life = this.#begin();
    for (const connection of ended.connections) connection.close();
  }

  /** Money taken and given back, in order. */
  get movements(): readonly MoneyMovement[] {
    return this.#movements;
  }

  /** The provider's books for the checkers. */
  facts(): ProviderFacts {
    return {
      intents: [...this.#ledger.intents.values()].map(({ id, status, metadata }) => ({
        id,
        ...placeOf(metadata),
        status,
      })),
      captures: this.#movements.filter(({ kind }) => kind === 'captured'),
      refunds: this.#movements.filter(({ kind }) => kind === 'refunded'),
    };
  }

  /** What `GET /ledger` of the bundled provider answers. */
  ledger(): Ledger {
    return readOut(this.#ledger);
  }

  #begin(): Life {
    const life: Life = {
      connections: new Set(),
      isOver: false,
      provider: new PaymentProvider(this.#ledger, this.#journal(), {
        slowMillis,
        silenceMillis,
        now: () => this.#nowMillis(),
        newId: (prefix) => `${prefix}_${(this.#ids += 1)}`,
        // Work that a restart interrupts never goes on.
        delay: (millis) =>
          new Promise((resolve) => {
            this.#sim.after(millis, () => {
              if (!life.isOver) resolve();
            });
          }),
        trouble: (request) => this.#trouble(request),
      }),
    };
    return life;
  }

  #nowMillis(): number {
    return simulationEpochMillis + Math.floor(this.#sim.nowMillis);
  }

  /** The provider's disk never fails; it is here that each movement of money passes once. */
  #journal(): Journal {
    const done = Promise.resolve();
    return {
      append: (entry: LedgerEntry) => {
        this.#note(entry);
        return done;
      },
      settled: () => done,
      close: () => done,
    };
  }

  #note({ capture, refund }: LedgerEntry): void {
    if (capture !== undefined) this.#movements.push(this.#movementOf('captured', capture));
    if (refund !== undefined) this.#movements.push(this.#movementOf('refunded', refund));
  }

  #movementOf(kind: MoneyMovement['kind'], moved: Capture | Refund): MoneyMovement {
    const { id, intentId, amountCents, currency } = moved;
    const metadata = this.#ledger.intents.get(intentId)?.metadata ?? {};
    return { kind, id, intentId, ...placeOf(metadata), amountCents, currency: currency.toUpperCase() };
  }

  /** Asked by the provider when it is about to carry a request out. */
  #trouble({ operation, idempotencyKey }: ProviderRequest): Answer | undefined {
    if (idempotencyKey !== undefined && this.#sim.faults.bites('provider.storedError', operation.kind))
      return serverError();
    if (this.#sim.faults.bites('provider.error', operation.kind))
      return refused(500, { type: 'api_error', message: 'An error occurred on our side.' });
    return undefined;
  }

  #arrive(caller: string, request: ProviderHttpRequest): Connection {
    const { faults } = this.#sim;
    if (faults.bites('provider.away', caller)) throw new ConnectionRefused();
    const life = this.#life;
    const connection = openConnection(() => life.connections.delete(connection));
    life.connections.add(connection);
    const isSilent = faults.bites('provider.silent', caller);
    const lateMillis = faults.bites('provider.slow', caller) ? faults.delayMillis(slownessMaxMillis) : 0;
    // Late on the way in: carried out when nobody may wait any more. Late on the way out: carried out at once.
    const isLateIn = lateMillis > 0 && this.#random.chance(0.5);
    const carryOut = () => {
      if (life.isOver) return;
      void this.#carryOut(life, request).then((said) => {
        if (isSilent || life.isOver) return;
        if (said.kind === 'silence') this.#sim.after(said.forMillis, () => connection.close());
        else if (isLateIn || lateMillis === 0) connection.answer(said.answer);
        else this.#sim.after(lateMillis, () => connection.answer(said.answer));
      });
    };
    if (isLateIn) this.#sim.after(lateMillis, carryOut);
    else carryOut();
    return connection;
  }

  async #carryOut(
    { provider }: Life,
    { method, path, headers: given, body }: ProviderHttpRequest,
  ): Promise<Said> {
    const [route = '', query = ''] = path.split('?');
    const read = readCall(
      {
        method,
        path: route,
        query,
        body,
        authorization: given['authorization'],
        idempotencyKey: given['idempotency-key'],
      },
      apiKey,
    );
    if (read.kind === 'refused') {
      const { status, body: refusal } = read.answer;
      return { kind: 'answer', answer: { status, headers: {}, body: JSON.stringify(refusal) } };
    }
    const outcome = await provider.handle(read.request);
    const { kind } = read.request.operation;
    if (outcome.kind === 'silence') {
      this.#sim.count(`provider is silent after ${kind}`);
      return { kind: 'silence', forMillis: outcome.untilMillis - this.#nowMillis() };
    }
    const { status, replayed } = outcome;
    this.#sim.count(`provider ${kind} ${status}${replayed ? ' replayed' : ''}`);
    this.#sim.trace.add(this.#sim.nowMillis, 'provider', `${kind} ${status}`);
    const headers: Record<string, string> = replayed ? { 'idempotent-replayed': 'true' } : {};
    return { kind: 'answer', answer: { status, headers, body: outcome.body } };
  }
}

function placeOf(metadata: Readonly<Record<string, string>>) {
  return {
    sagaUid: metadata['saga_uid'] ?? null,
    step: metadata['step'] ?? null,
    orderId: metadata['order_id'] ?? null,
  };
}
