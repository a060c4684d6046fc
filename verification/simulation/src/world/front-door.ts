import type { IdempotentAnswer, IdempotentRequest } from '@sagamesh/kit/idempotency-key';
import { ensureError, RetryableError } from '@sagamesh/runtime/errors';
import { runInContext } from '@sagamesh/runtime/correlation';
import { HttpProblem } from '@sagamesh/runtime/problem';
import { contextFromHeaders } from '@sagamesh/runtime/trace-context';
import type { SimProcess } from '../kernel/host.ts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Sim } from '../kernel/sim.ts';

/** The gateway before the replicas of the order service: a request reaches one of those that listen, or none. POST is never repeated here. */

export interface OrderPost {
  readonly customerId: string;
  readonly idempotencyKey: string;
  /** As a client sends it, e.g. `{items: [{sku, quantity}], paymentMethod, contact}`. */
  readonly body: object;
}

export type Heard =
  | { readonly kind: 'answer'; readonly status: number; readonly body: object }
  /** Nothing listens, the connection broke, or it took too long: the order may be placed or not. */
  | { readonly kind: 'nothing' };

type Handler = (request: IdempotentRequest & { readonly customerId: string }) => Promise<IdempotentAnswer>;

/** One way, in virtual milliseconds. */
const latencyMillis = { min: 0.2, spread: 5 };

export class FrontDoor {
  readonly #sim: Sim;
  readonly #random: SeededRandom;
  readonly #listening = new Map<SimProcess, Handler>();

  constructor(sim: Sim) {
    this.#sim = sim;
    this.#random = sim.fork('front door');
  }

  listen(process: SimProcess, handler: Handler): void {
    this.#listening.set(process, handler);
    process.onDeath(() => this.#listening.delete(process));
  }

  post(post: OrderPost, timeoutMillis: number): Promise<Heard> {
    return new Promise((resolve) => {
      const cancel = this.#sim.after(timeoutMillis, () => resolve({ kind: 'nothing' }));
      const tell = (heard: Heard) => {
        cancel();
        resolve(heard);
      };
      this.#sim.after(this.#latencyMillis(), () => this.#pass(post, tell));
    });
  }

  #pass(post: OrderPost, tell: (heard: Heard) => void): void {
    const replicas = [...this.#listening.keys()];
    if (replicas.length === 0) return tell({ kind: 'nothing' });
    const process = this.#random.pick(replicas);
    const handler = this.#listening.get(process);
    if (handler === undefined) return tell({ kind: 'nothing' });
    process.onDeath(() => tell({ kind: 'nothing' }));
    process.deliver(() => {
      void answerOf(process, handler, post).then((answer) => {
        if (process.isAlive) this.#sim.after(this.#latencyMillis(), () => tell(answer));
      });
    });
  }

  #latencyMillis(): number {
    return latencyMillis.min + this.#random.next() * latencyMillis.spread;
  }
}

/** What the HTTP server around the handler does (packages/runtime/src/http-problems.ts): a status for whatever was thrown. */
async function answerOf(process: SimProcess, handler: Handler, post: OrderPost): Promise<Heard> {
  const { customerId, idempotencyKey, body } = post;
  const context = contextFromHeaders({ get: () => undefined }, process.random.uuid());
  try {
    const answer = await runInContext(context, () =>
      handler({
        customerId,
        method: 'POST',
        baseUrl: '',
        path: '/api/v1/orders',
        body,
        header: (name) => (name === 'idempotency-key' ? idempotencyKey : undefined),
      }),
    );
    if (answer.replayed) process.sim.count('an order is answered again');
    return { kind: 'answer', status: answer.status, body: answer.body };
  } catch (thrown) {
    if (thrown instanceof HttpProblem) return { kind: 'answer', status: thrown.status, body: {} };
    const error = ensureError(thrown);
    process.sim.count(`order request failed: ${error.name}`);
    return { kind: 'answer', status: error instanceof RetryableError ? 503 : 500, body: {} };
  }
}
