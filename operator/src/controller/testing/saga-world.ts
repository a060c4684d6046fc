import { commandSchema } from '@sagamesh/contracts/messages';
import type { Command, ReplyOutcome } from '@sagamesh/contracts/messages';
import { orderSagaStatusSchema } from '@sagamesh/contracts/order-saga';
import type { OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import { commandConsumerName } from '@sagamesh/contracts/subjects';
import { createKubeClient } from '../../kube/client.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/kube-object.ts';
import { ObjectStore } from '../../kube/store.ts';
import { FakeApi } from '../../kube/testing/fake-api.ts';
import type { FakeEvent, FakeObject } from '../../kube/testing/fake-objects.ts';
import { VirtualClock } from '../../kube/testing/virtual-clock.ts';
import type { ReconcileResult } from '../../kube/workers.ts';
import { Actor } from '../act.ts';
import { createCommandSender, createServiceDirectory } from '../commands.ts';
import { createKubeSagaStore } from '../kube-saga-store.ts';
import { Reconciler } from '../reconcile.ts';
import { SagaMemory } from '../saga-memory.ts';
import { orderSagaResource, toSagaObject } from '../saga-object.ts';
import type { SagaObject } from '../saga-object.ts';
import type { StoryLine } from '../story.ts';
import { createWaker } from '../wake.ts';
import { FakeBroker } from './fake-broker.ts';
import { anOrder, plainSteps, storedSpec } from './sagas.ts';

/**
 * One OrderSaga between a fake API server, a fake broker and the real reconcile loop, in a time of its own. Every status that is stored is
 * held against the schema and every command against its own, as the API server and the services do; a run that does not come to rest throws.
 */

export const key = 'shop/order-1';
const collection = 'apis/sagamesh.dev/v1alpha1/ordersagas';
const runsMax = 25;

type SagaCommand = Omit<Command, 'sagaUid'> & { readonly sagaUid: string };

export class SagaWorld {
  readonly api = new FakeApi();
  readonly broker = new FakeBroker();
  readonly memory = new SagaMemory();
  readonly story: StoryLine[] = [];
  readonly woken = new Set<string>();
  readonly ended: string[] = [];
  readonly statusWrites: string[] = [];
  readonly client: KubeClient;
  nowMillis = Date.UTC(2026, 0, 1, 12);
  isLeading = true;
  /** What the last look wants. */
  result: ReconcileResult = { kind: 'done' };
  readonly #cache: ObjectStore<SagaObject>;
  readonly #scope: ReturnType<ObjectStore<SagaObject>['addScope']>;
  #heldBack: FakeEvent[] | undefined;
  #reconciler: Reconciler;

  constructor() {
    this.client = createKubeClient(this.api.transport, { limiter: 'off', clock: new VirtualClock() });
    const queue = { add: (name: string) => void this.woken.add(name) };
    const narrator = { tell: (_: SagaObject, lines: readonly StoryLine[]) => void this.story.push(...lines) };
    this.#cache = new ObjectStore<SagaObject>((change) => createWaker(queue, this.memory, narrator)(change));
    this.#scope = this.#cache.addScope(undefined);
    this.#scope.bookmark('1');
    this.api.objects.onEvent = (event) => {
      checkStatus(event.object);
      if (this.#heldBack) this.#heldBack.push(event);
      else this.#watchBrings(event);
    };
    this.broker.consumers = new Set(
      plainSteps.flatMap(({ service, execute, compensate }) =>
        [execute, ...(compensate ? [compensate] : [])].map((action) => commandConsumerName(service, action)),
      ),
    );
    this.#reconciler = this.#start('n1', this.memory);
  }

  #start(nonce: string, memory: SagaMemory): Reconciler {
    const epochMillis = () => this.nowMillis;
    const actor = new Actor({
      sagas: createKubeSagaStore(this.client, this.#cache),
      commands: createCommandSender(this.broker, nonce),
      services: createServiceDirectory(this.broker),
      narrator: { tell: (_, lines) => void this.story.push(...lines) },
      metrics: {
        statusWritten: (cause) => void this.statusWrites.push(cause),
        commandSent: () => undefined,
        sagaEnded: (outcome) => void this.ended.push(outcome),
        replyReceived: () => undefined,
      },
      stillLeading: () => this.isLeading,
      epochMillis,
    });
    return new Reconciler(memory, actor, epochMillis);
  }

  /** The process dies; the next one knows nothing. */
  restart(): this {
    this.memory.forget(key);
    this.#reconciler = this.#start('n2', this.memory);
    this.woken.add(key);
    return this;
  }

  /** kubectl apply. */
  async create(spec: Readonly<Record<string, unknown>> = {}, metadata: object = {}): Promise<this> {
    const body = { metadata: { name: anOrder.id, ...metadata }, spec: storedSpec(spec) };
    await this.client.create(orderSagaResource, 'shop', body);
    return this;
  }

  /** An object that admission would refuse today. */
  async createBroken(spec: unknown, metadata: object = {}): Promise<this> {
    await this.client.create(orderSagaResource, 'shop', {
      metadata: { name: anOrder.id, ...metadata },
      spec,
    });
    return this;
  }

  /** Somebody else writes. */
  async patch(patch: object): Promise<this> {
    await this.client.mergePatch(orderSagaResource, { namespace: 'shop', name: anOrder.id }, patch);
    return this;
  }

  async patchStatus(status: object | null): Promise<this> {
    const ref = { namespace: 'shop', name: anOrder.id };
    await this.client.mergePatchStatus(orderSagaResource, ref, { status });
    return this;
  }

  /** As soon as the outcome is stored, before anything else is written. */
  onOutcome(act: () => void): this {
    const { objects } = this.api;
    const before = objects.onEvent;
    objects.onEvent = (event) => {
      before(event);
      if (!statusOf(event.object).outcome) return;
      objects.onEvent = before;
      act();
    };
    return this;
  }

  /** kubectl delete. */
  async delete(): Promise<this> {
    await this.client.delete(orderSagaResource, { namespace: 'shop', name: anOrder.id }, {});
    return this;
  }

  holdWatch(): this {
    this.#heldBack ??= [];
    return this;
  }

  releaseWatch(): this {
    const events = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const event of events) this.#watchBrings(event);
    return this;
  }

  #watchBrings({ type, object }: FakeEvent): void {
    this.#scope.apply(type, toSagaObject(asKubeObject(object)));
  }

  /** One look. */
  async reconcile(): Promise<ReconcileResult> {
    this.woken.delete(key);
    this.result = await this.#reconciler.reconcile(key);
    return this.result;
  }

  /** As a worker would: as long as something wakes us, and not for ever. */
  async run(): Promise<this> {
    for (let count = 0; count < runsMax; count += 1) {
      await this.reconcile();
      const again = this.result.kind === 'requeueAfter' && this.result.delayMillis <= 0;
      if (this.result.kind !== 'requeue' && !again && !this.woken.has(key)) return this;
    }
    throw new Error(`does not come to rest: ${JSON.stringify(this.result)}, ${[...this.woken].join()}`);
  }

  /** To the moment for which the last look asked. */
  async wake(): Promise<this> {
    if (this.result.kind !== 'requeueAfter') throw new Error(`no timer is set: ${this.result.kind}`);
    return this.pass(this.result.delayMillis);
  }

  async pass(millis: number): Promise<this> {
    this.nowMillis += millis;
    return this.run();
  }

  get commands(): SagaCommand[] {
    return this.broker.published.map(({ body }) => {
      if (body instanceof Uint8Array || !('sagaUid' in body)) throw new Error('this is no command');
      const uid = String(body.sagaUid);
      // Uids of the fake API server are no UUIDs.
      const command = commandSchema.parse({ ...body, sagaUid: '0b5a7c1e-7d52-4c39-9f0e-2f4f1d1f0a11' });
      return { ...command, sagaUid: uid };
    });
  }

  /** `execute reserve`, `revoke confirm`, ... */
  get sent(): string[] {
    return this.commands.map(({ direction, step }) => `${direction} ${step}`);
  }

  /** Puts in an answer to the last command, without looking. */
  reply(
    outcome: ReplyOutcome,
    change: Partial<Command> & { reason?: string; message?: string; result?: Record<string, string> } = {},
  ): this {
    const last = this.commands.at(-1);
    if (!last) throw new Error('nothing was sent');
    const { sagaUid, step, direction, commandId } = { ...last, ...change };
    const { reason = '', message = '', result = {} } = change;
    const woken = this.memory.deliver(sagaUid, {
      kind: 'ReplyArrived',
      step,
      direction,
      commandId,
      outcome,
      reason,
      message,
      result,
    });
    if (woken) this.woken.add(woken);
    return this;
  }

  async answer(outcome: ReplyOutcome, change: Parameters<SagaWorld['reply']>[1] = {}): Promise<this> {
    return this.reply(outcome, change).run();
  }

  /** Runs and answers as on a day without trouble, until this command is out. */
  async until(wanted: string): Promise<this> {
    for (let count = 0; count < runsMax; count += 1) {
      await this.run();
      if (this.sent.at(-1) === wanted) return this;
      this.#usualAnswer();
    }
    throw new Error(`never came to ${wanted}: ${this.sent.join(', ')}`);
  }

  async untilEnd(): Promise<this> {
    for (let count = 0; count < runsMax; count += 1) {
      await this.run();
      if (!this.exists || this.status.outcome) return this;
      this.#usualAnswer();
    }
    throw new Error(`never came to an end: ${this.sent.join(', ')}`);
  }

  #usualAnswer(): void {
    const direction = this.commands.at(-1)?.direction;
    if (direction) this.reply(usualAnswers[direction]);
  }

  get stored(): FakeObject {
    return this.api.objects.get(collection, key);
  }

  get exists(): boolean {
    return this.api.objects.list(collection, 'shop').length > 0;
  }

  get status(): OrderSagaStatus {
    return statusOf(this.stored);
  }

  get finalizers(): unknown {
    return this.stored.metadata['finalizers'] ?? [];
  }

  /** Status and reason of Succeeded, Ready, Reconciling and Stalled. */
  get conditions(): string[] {
    return (this.status.conditions ?? []).map(({ type, status, reason }) => `${type}=${status}/${reason}`);
  }

  get events(): string[] {
    return this.story.map(({ type, reason }) => `${type} ${reason}`);
  }

  /** Writes so far, as `PATCH /status`, `PATCH`, `DELETE`; those of the test itself carry no resourceVersion and are left out. */
  get writes(): string[] {
    return this.api.requests
      .filter(({ method, body }) => method !== 'GET' && method !== 'POST' && isConditional(body))
      .map(({ method, path }) => (path.endsWith('/status') ? `${method} /status` : method));
  }
}

const usualAnswers = { execute: 'Executed', compensate: 'Compensated', revoke: 'Revoked' } as const;

function isConditional(body: Readonly<Record<string, unknown>>): boolean {
  return JSON.stringify(body['metadata'] ?? body['preconditions'] ?? {}).includes('resourceVersion');
}

function statusOf(object: FakeObject): OrderSagaStatus {
  return orderSagaStatusSchema.parse(object['status'] ?? {});
}

function checkStatus(object: FakeObject): void {
  if (object['status'] !== undefined) orderSagaStatusSchema.parse(object['status']);
}

function asKubeObject(object: FakeObject): KubeObject {
  const copy: KubeObject = JSON.parse(JSON.stringify(object));
  return copy;
}
