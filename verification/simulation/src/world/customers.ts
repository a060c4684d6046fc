import type { Placement } from '@sagamesh/invariants/facts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Sim } from '../kernel/sim.ts';
import type { FrontDoor, Heard, OrderPost } from './front-door.ts';

/** Who orders over HTTP: asks again under the same key while the outcome is unknown, and remembers what it was told. */

export type OrderFate =
  | { readonly kind: 'accepted'; readonly orderId: string }
  /** 4xx: nothing was placed. */
  | { readonly kind: 'refused'; readonly status: number }
  /** Gave up asking: placed or not. */
  | { readonly kind: 'unknown' };

export interface ToldOrder {
  readonly idempotencyKey: string;
  readonly fate: OrderFate;
}

const patience = { timeoutMillis: 10_000, attempts: 12, firstPauseMillis: 500, maxPauseMillis: 8_000 };
/** How often somebody asks once or twice only, and never learns whether the order was placed. */
const gaveUpProbability = 0.3;
/** How often somebody who was told asks again all the same (a reloaded page). */
const asksAgainProbability = 0.15;

export class Customers {
  readonly #sim: Sim;
  readonly #frontDoor: FrontDoor;
  readonly #random: SeededRandom;
  readonly #tempers: SeededRandom;
  readonly #told: ToldOrder[] = [];

  constructor(sim: Sim, frontDoor: FrontDoor) {
    this.#sim = sim;
    this.#frontDoor = frontDoor;
    this.#random = sim.fork('customers');
    this.#tempers = sim.fork('tempers of customers');
  }

  /** Everything that anybody was told, in order; a key can be there twice. */
  get told(): readonly ToldOrder[] {
    return this.#told;
  }

  /** Every acceptance that anybody was told of, in order. */
  get placements(): readonly Placement[] {
    return this.#told.flatMap(({ idempotencyKey, fate }) =>
      fate.kind === 'accepted' ? [{ key: idempotencyKey, orderId: fate.orderId }] : [],
    );
  }

  async order(post: OrderPost): Promise<OrderFate> {
    const fate = await this.#insist(post);
    if (fate.kind === 'accepted' && this.#random.chance(asksAgainProbability)) {
      this.#sim.count('a customer asks again for an accepted order');
      await this.#insist(post);
    }
    return fate;
  }

  async #insist(post: OrderPost): Promise<OrderFate> {
    const attempts = this.#tempers.chance(gaveUpProbability) ? this.#tempers.int(1, 2) : patience.attempts;
    let fate: OrderFate | undefined;
    for (let attempt = 1; fate === undefined && attempt <= attempts; attempt += 1) {
      if (attempt > 1) await this.#pause(attempt);
      fate = fateOf(await this.#frontDoor.post(post, patience.timeoutMillis));
    }
    fate ??= { kind: 'unknown' };
    this.#told.push({ idempotencyKey: post.idempotencyKey, fate });
    this.#sim.count(`a customer's order is ${fate.kind}`);
    return fate;
  }

  #pause(attempt: number): Promise<void> {
    const longest = Math.min(patience.firstPauseMillis * 2 ** (attempt - 2), patience.maxPauseMillis);
    return new Promise((resolve) => {
      this.#sim.after(longest * (0.5 + this.#random.next() / 2), resolve);
    });
  }
}

/** Undefined: ask again. 409 says that the first request under this key still runs. */
function fateOf(heard: Heard): OrderFate | undefined {
  if (heard.kind === 'nothing') return undefined;
  const { status, body } = heard;
  if (status === 201 && 'id' in body && typeof body.id === 'string')
    return { kind: 'accepted', orderId: body.id };
  if (status >= 400 && status < 500 && status !== 409 && status !== 429) return { kind: 'refused', status };
  return undefined;
}
