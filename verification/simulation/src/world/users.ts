import { abandonStepAnnotation } from '@sagamesh/contracts/order-saga';
import { replySchema } from '@sagamesh/contracts/messages';
import { commandSubject, eventSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import type { UnreadableFact } from '@sagamesh/invariants/facts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Sim } from '../kernel/sim.ts';
import type { SagaPlan, UserAction } from '../schedule/run-plan.ts';
import type { SimApi } from '../fakes/api.ts';
import type { SimBus } from '../fakes/bus.ts';
import { statusOf } from '../fakes/stored-saga.ts';
import { orderWish, sagaSpec } from './saga-manifest.ts';
import type { OrderWish } from './saga-manifest.ts';

/** The people of a run: they order, apply, cancel, delete, and put right what waits for a person. */

/** Posts an order over HTTP until it is told what became of it; answers the order id, or undefined when it was refused. */
export type PostOrder = (wish: OrderWish) => Promise<string | undefined>;

export interface UsersOptions {
  readonly sim: Sim;
  readonly api: SimApi;
  readonly bus: SimBus;
  readonly postOrder: PostOrder;
}

/** Until what was deleted is gone: short, as `kubectl replace --force` waits for it. */
const lookAgainMillis = 50;
const patrolMillis = 20_000;

const poisonable = [
  { subject: commandSubject('inventory', 'reserve'), readers: ['inventory'] },
  { subject: commandSubject('payment', 'refund'), readers: ['payment'] },
  { subject: eventSubject('order.created'), readers: ['operator', 'inventory'] },
  { subject: replySubject('order'), readers: [] },
] as const;

export class Users {
  /** Order id of each saga that has one by now. */
  readonly orderIds = new Map<number, string>();
  /** Object name of each saga. */
  readonly names = new Map<number, string>();
  /** What was put in to be unreadable, once for each service that reads the subject; replies may meet nobody who leads, so they are left out. */
  readonly poisoned: UnreadableFact[] = [];
  #waiting = 0;
  readonly #options: UsersOptions;
  readonly #random: SeededRandom;
  readonly #specs = new Map<number, Readonly<Record<string, unknown>>>();

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#random = options.sim.fork('users');
  }

  /** Somebody has still something in hand: an order that was not answered, an object that is to be made again. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  plan(sagas: readonly SagaPlan[], actions: readonly UserAction[]): void {
    const { sim } = this.#options;
    for (const saga of sagas) sim.after(saga.atMillis, () => this.#begin(saga));
    for (const action of actions) sim.after(action.atMillis, () => this.#act(action));
  }

  /** From the healing on: what was suspended goes on, and whatever waits for a person meets one. */
  putRight(): void {
    const { sim, api } = this.#options;
    for (const name of this.names.values()) api.asUser().patchSpec(name, { suspend: false });
    const patrol = (): void => {
      for (const name of this.names.values()) this.#abandonWhatIsRefused(name);
      sim.after(patrolMillis, patrol);
    };
    sim.after(patrolMillis, patrol);
  }

  #begin(saga: SagaPlan): void {
    const random = this.#options.sim.fork(`saga-${saga.id}`);
    const wish = orderWish(saga, random);
    if (saga.origin === 'http') {
      this.#waiting += 1;
      void this.#options.postOrder(wish).then((id) => {
        this.#waiting -= 1;
        if (id === undefined) return;
        this.orderIds.set(saga.id, id);
        this.names.set(saga.id, id);
      });
      return;
    }
    const id = (saga.twinOf === undefined ? undefined : this.orderIds.get(saga.twinOf)) ?? `order-${saga.id}`;
    const name = saga.origin === 'twin' ? `twin-${saga.id}` : id;
    const spec = sagaSpec(saga, { id, ...wish });
    this.orderIds.set(saga.id, id);
    this.names.set(saga.id, name);
    this.#specs.set(saga.id, spec);
    this.#options.api.asUser().apply(name, spec);
  }

  #act({ kind, saga }: UserAction): void {
    const name = this.names.get(saga);
    const user = this.#options.api.asUser();
    if (kind === 'poison') return this.#poison();
    if (kind === 'forge') return this.#forge();
    if (name === undefined || user.get(name) === undefined) return;
    this.#options.sim.count(`user ${kind}`);
    switch (kind) {
      case 'cancel':
        return user.patchSpec(name, { cancel: true });
      case 'delete':
        return user.delete(name);
      case 'suspend':
      case 'resume':
        return user.patchSpec(name, { suspend: kind === 'suspend' });
      case 'wipeStatus':
        return user.wipeStatus(name);
      case 'abandon':
        return this.#abandonCurrent(name);
      case 'recreate':
        return this.#recreate(saga, name);
    }
  }

  /** Hasty: names the step that is shown, whether it hangs or not. */
  #abandonCurrent(name: string): void {
    const step = this.#statusOf(name)?.currentStep;
    if (step !== undefined) this.#options.api.asUser().annotate(name, abandonStepAnnotation, step);
  }

  /** Only where a saga is stuck: behind the pivot (refused, or not answered for long), or in an undo that follows a given-up abort. */
  #abandonWhatIsRefused(name: string): void {
    const status = this.#statusOf(name);
    const stalled = status?.conditions?.find(({ type }) => type === 'Stalled');
    if (stalled?.status !== 'True' || status?.currentStep === undefined) return;
    // Whoever gave up the abort itself may find a step that can never be undone: its order is confirmed.
    const gaveUpTheAbort = status.abandoned?.some(({ direction }) => direction === 'revoke') ?? false;
    const neverComes =
      stalled.reason === 'StepStuck' || (gaveUpTheAbort && stalled.reason === 'CompensationStuck');
    if (!neverComes) return;
    this.#options.api.asUser().annotate(name, abandonStepAnnotation, status.currentStep);
  }

  #recreate(saga: number, name: string): void {
    const user = this.#options.api.asUser();
    const old = user.get(name)?.metadata['uid'];
    user.delete(name);
    const spec = this.#specs.get(saga);
    if (spec === undefined) return;
    this.#waiting += 1;
    this.#applyOnceGone(name, old, spec);
  }

  /** Waits for the object that was deleted, not for one that somebody else made under its name meanwhile. */
  #applyOnceGone(name: string, old: unknown, spec: Readonly<Record<string, unknown>>): void {
    const { sim, api } = this.#options;
    const there = api.asUser().get(name);
    if (there !== undefined && there.metadata['uid'] === old) {
      sim.after(lookAgainMillis, () => this.#applyOnceGone(name, old, spec));
      return;
    }
    this.#waiting -= 1;
    if (there !== undefined) return;
    sim.count('same name, another saga');
    api.asUser().apply(name, this.#random.chance(0.5) ? spec : withOrderId(spec, `${name}-again`));
  }

  #poison(): void {
    const { bus, sim } = this.#options;
    const { subject, readers } = this.#random.pick(poisonable);
    const body = this.#random.pick(['no JSON', '{}', '{"version":99}', '[]']);
    sim.count('user poison');
    bus.inject(subject, new TextEncoder().encode(body));
    for (const service of readers) this.poisoned.push({ service, subject, body });
  }

  /** Somebody who should not be able to sends a command again, with another content, after the step was done. */
  #forge(): void {
    const { bus, sim } = this.#options;
    const done = new Set(
      bus
        .history(streamNames.replies)
        .flatMap(({ body }) => replySchema.safeParse(body).data ?? [])
        .filter(({ outcome }) => outcome === 'Executed')
        .map(({ commandId }) => commandId),
    );
    const commands = bus.history(streamNames.commands).filter(({ messageId }) => done.has(messageId ?? ''));
    if (commands.length === 0) return;
    const record = this.#random.pick(commands);
    sim.count('user forge');
    const command = { ...record.body, with: { forged: 'yes' } };
    bus.inject(record.subject, new TextEncoder().encode(JSON.stringify(command)));
  }

  #statusOf(name: string) {
    const object = this.#options.api.asUser().get(name);
    return object === undefined ? undefined : statusOf(object);
  }
}

/** An order id is used once, so whoever wants the goods after all takes another one. */
function withOrderId(spec: Readonly<Record<string, unknown>>, id: string): Readonly<Record<string, unknown>> {
  return { ...spec, order: { ...Object(spec['order']), id } };
}
