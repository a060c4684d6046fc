/**
 * One life of a small operator made of every part of the kernel: elector, informer, queue, workers, recorder. It gives each widget a
 * finalizer and a child, says in the status which size it has seen, tells it as an Event, and takes the child away with the widget.
 */
import { isAlreadyExists, isConflict, isNotFound } from '../api-error.ts';
import { type Elector, createElector } from '../elector.ts';
import { type EventRecorder, createEventRecorder } from '../event-recorder.ts';
import { type Informer, createInformer } from '../informer.ts';
import { type ObjectRef, parseKey } from '../kube-object.ts';
import { type ReconcileResult, runWorkers } from '../workers.ts';
import { type WorkQueue, createWorkQueue } from '../work-queue.ts';
import { Freezer } from './freezer.ts';
import { type Call, type Misdeed, MisbehavingTransport } from './misbehaving-transport.ts';
import { type Stage, clientOn } from './stage.ts';
import { type Widget, widgets } from './watched-widgets.ts';

export const finalizer = 'kube.test/keeper';
/** Long enough for the haste of a real stage. */
const timing = { leaseDurationMillis: 80_000, renewDeadlineMillis: 60_000, retryPeriodMillis: 4_000 };

/** Something outside of the process that it changes, as 'POST leases'; renewals of the Lease are not counted. */
export type Death = { readonly effect: number; readonly when: 'before' | 'after' };

export class WidgetKeeper {
  readonly wire: MisbehavingTransport;
  readonly informer: Informer<Widget>;
  readonly queue: WorkQueue;
  readonly elector: Elector;
  /** What it asked for, in order. */
  readonly effects: string[] = [];
  /** The uid and version of the widget on which each look was based. */
  readonly looks: { readonly uid: string; readonly resourceVersion: string }[] = [];
  isDead = false;
  readonly #stage: Stage;
  readonly #namespace: string;
  readonly #freezer = new Freezer();
  readonly #recorder: EventRecorder;
  #workers: Promise<void> | undefined;

  constructor(stage: Stage, namespace: string, identity: string, death?: Death) {
    this.#stage = stage;
    this.#namespace = namespace;
    const clock = this.#freezer.clockOn(stage.clock);
    this.wire = new MisbehavingTransport(stage.transport, () => stage.clock.now(), this.#freezer);
    this.wire.misdeed = (call) => this.#onCall(call, death);
    const client = clientOn(this.wire, clock);
    const random = (): number => Math.random();
    this.queue = createWorkQueue({ clock, random: () => 0 });
    this.informer = createInformer<Widget>({
      client,
      resource: widgets,
      namespaces: [namespace],
      transform: (raw) => raw,
      onChange: ({ key, object }) => {
        if (!isChild(object)) this.queue.add(key);
      },
      clock,
      random: () => 0,
    });
    this.#recorder = createEventRecorder({
      client,
      reportingController: 'kube.test/keeper',
      reportingInstance: identity,
      clock,
      random,
    });
    this.elector = createElector({
      client,
      namespace,
      name: 'keeper',
      identity,
      timing,
      clock,
      random: () => 0,
      onLost: () => this.die(),
    });
  }

  async run(): Promise<void> {
    this.informer.start();
    this.elector.start();
    if (!(await this.elector.waitUntilLeader()) || !(await this.informer.waitForSync())) return;
    const reconcile = (key: string): Promise<ReconcileResult> => this.#reconcile(key);
    let ids = 0;
    const newId = (): string => String((ids += 1));
    this.#workers = runWorkers({ queue: this.queue, concurrency: 2, reconcile, newId }).stopped;
  }

  /** In order: work first, then what is told, then the Lease. */
  async stop(): Promise<void> {
    void this.queue.shutDown('dropWaiting');
    await this.#workers;
    await this.#recorder.stop(10_000);
    await this.elector.stop();
    await this.informer.stop();
  }

  /** Nothing goes out any more, nothing comes in, and no timer runs: for ever. */
  die(): void {
    this.isDead = true;
    this.#freezer.freeze();
    for (const watch of this.wire.watches) watch.hold();
  }

  #onCall(call: Call, death: Death | undefined): Misdeed | undefined {
    const effect = effectOf(call);
    if (effect === undefined) return undefined;
    this.effects.push(effect);
    if (death?.effect !== this.effects.length - 1) return undefined;
    this.die();
    return death.when === 'before' ? { kind: 'slowRequest', until: this.#freezer.whenThawed() } : undefined;
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const widget = this.informer.store.get(key);
    if (widget === undefined) return { kind: 'done' };
    const { uid, resourceVersion } = widget.metadata;
    this.looks.push({ uid, resourceVersion });
    try {
      const next = await this.#nextWrite(parseKey(key), widget);
      if (next === undefined) return { kind: 'done' };
      this.informer.store.observeWrite(next);
      this.queue.add(key);
      return { kind: 'done' };
    } catch (error) {
      if (isConflict(error)) return { kind: 'requeue' };
      if (isNotFound(error)) return { kind: 'done' };
      throw error;
    }
  }

  /** One write to the widget itself, after whatever must happen before it; undefined: nothing is left to do. */
  async #nextWrite(ref: ObjectRef, widget: Widget): Promise<Widget | undefined> {
    const client = clientOn(this.wire, this.#stage.clock);
    const { uid, resourceVersion, finalizers = [], deletionTimestamp } = widget.metadata;
    const same = { uid, resourceVersion };
    const child = { namespace: this.#namespace, name: `child-${uid}` };
    const size = widget.spec?.['size'];
    if (deletionTimestamp !== undefined) {
      if (!finalizers.includes(finalizer)) return undefined;
      await client.delete(widgets, child, {}).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      return client.mergePatch<Widget>(widgets, ref, { metadata: { ...same, finalizers: null } });
    }
    if (!finalizers.includes(finalizer))
      return client.mergePatch<Widget>(widgets, ref, { metadata: { ...same, finalizers: [finalizer] } });
    if (widget.status?.['seen'] === size) return undefined;
    const metadata = { name: child.name };
    await client
      .create<Widget>(widgets, child.namespace, { apiVersion: 'kube.test/v1', kind: 'Widget', metadata })
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
    this.#tell(widget);
    return client.mergePatchStatus<Widget>(widgets, ref, { metadata: same, status: { seen: size } });
  }

  #tell({ metadata }: Widget): void {
    const { namespace, name, uid } = metadata;
    this.#recorder.record({
      regarding: { apiVersion: 'kube.test/v1', kind: 'Widget', namespace: namespace ?? '', name, uid },
      type: 'Normal',
      reason: 'Seen',
      action: 'Look',
      note: 'its size is known',
    });
  }
}

export function isChild({ metadata }: Widget): boolean {
  return metadata.name.startsWith('child-');
}

function effectOf({ method, path, body }: Call): string | undefined {
  if (method === 'GET') return undefined;
  const parts = path.split('/');
  const kind = ['leases', 'events', 'widgets'].find((one) => parts.includes(one)) ?? path;
  const isRenewal = kind === 'leases' && method === 'PUT' && !body.includes('"holderIdentity":""');
  if (isRenewal) return undefined;
  return `${method} ${kind}${parts.at(-1) === 'status' ? '/status' : ''}`;
}
