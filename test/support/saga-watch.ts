import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { orderSagaSchema } from '@sagamesh/contracts/order-saga';
import type { Condition, OrderSaga } from '@sagamesh/contracts/order-saga';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { z } from 'zod';

/**
 * Everything that ever happened to the OrderSagas of one namespace, from one watch of the real kubectl: each stored version in order, so a
 * test can also ask for a state that has passed by. Comes back by itself when the API server restarts.
 */
export interface SagaWatch {
  /** The newest version; undefined when there is none, or it was deleted. */
  current(name: string): OrderSaga | undefined;
  /** Every version that was seen, oldest first. */
  versions(name: string): readonly OrderSaga[];
  /** Of all sagas. */
  names(): readonly string[];
  /**
   * Resolves with the first version, from `since` on, for which the fact holds. Rejects after the timeout with what was seen instead.
   */
  until(name: string, fact: (saga: OrderSaga) => boolean, options: UntilOptions): Promise<OrderSaga>;
  untilGone(name: string, timeoutMillis: number): Promise<void>;
  stop(): Promise<void>;
}

export interface UntilOptions {
  /** For the error: "to end". */
  readonly what: string;
  readonly timeoutMillis: number;
  /** `ever` (default): a version that has passed by counts, too. `now`: the newest version or one that is still to come. */
  readonly since?: 'ever' | 'now';
}

interface Seen {
  readonly versions: OrderSaga[];
  gone: boolean;
}

const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'ERROR']),
  object: z.unknown(),
});
const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(orderSagaSchema),
});

export async function watchSagas(kubeconfig: string, namespace: string): Promise<SagaWatch> {
  const watch = new KubectlWatch(kubeconfig, namespace, await resolveBinary('kubectl'));
  await watch.begin();
  return watch;
}

class KubectlWatch implements SagaWatch {
  readonly #kubeconfig: string;
  readonly #binary: string;
  readonly #path: string;
  readonly #seen = new Map<string, Seen>();
  readonly #listeners = new Set<() => void>();
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(kubeconfig: string, namespace: string, binary: string) {
    this.#kubeconfig = kubeconfig;
    this.#binary = binary;
    this.#path = `/apis/sagamesh.dev/v1alpha1/namespaces/${namespace}/ordersagas`;
  }

  current(name: string): OrderSaga | undefined {
    const seen = this.#seen.get(name);
    return seen?.gone === false ? seen.versions.at(-1) : undefined;
  }

  versions(name: string): readonly OrderSaga[] {
    return this.#seen.get(name)?.versions ?? [];
  }

  names(): readonly string[] {
    return [...this.#seen.keys()];
  }

  until(name: string, fact: (saga: OrderSaga) => boolean, options: UntilOptions): Promise<OrderSaga> {
    const { what, timeoutMillis, since = 'ever' } = options;
    let next = since === 'ever' ? 0 : Math.max(0, this.versions(name).length - 1);
    return this.#wait(`${name} ${what}`, timeoutMillis, name, () => {
      for (const versions = this.versions(name); next < versions.length; next += 1) {
        const version = versions[next];
        if (version && fact(version)) return version;
      }
      return undefined;
    });
  }

  async untilGone(name: string, timeoutMillis: number): Promise<void> {
    await this.#wait(
      `${name} to be gone`,
      timeoutMillis,
      name,
      () => this.#seen.get(name)?.gone || undefined,
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#child?.kill();
    await this.#ended;
  }

  async begin(): Promise<void> {
    const kubectl = await kubectlFor(this.#kubeconfig);
    const { code, stdout, stderr } = await kubectl(['get', '--raw', this.#path]);
    if (code !== 0) throw new Error(stderr);
    const { items, metadata } = listSchema.parse(JSON.parse(stdout));
    const names = new Set(items.map((item) => item.metadata.name));
    for (const [name, seen] of this.#seen) if (!names.has(name)) seen.gone = true;
    for (const item of items) this.#add(item);
    this.#follow(metadata.resourceVersion);
  }

  #follow(resourceVersion: string): void {
    if (this.#isStopped) return;
    const child = spawn(
      this.#binary,
      ['get', '--raw', `${this.#path}?watch=true&resourceVersion=${resourceVersion}`],
      { env: { ...process.env, KUBECONFIG: this.#kubeconfig }, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        resolve();
        void this.#comeBack();
      });
    });
  }

  async #comeBack(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.begin();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200)); // the API server is away
      }
    }
  }

  #read(line: string): void {
    const { type, object } = eventSchema.parse(JSON.parse(line));
    if (type === 'ERROR') return;
    const saga = orderSagaSchema.parse(object);
    this.#add(saga);
    const seen = this.#seen.get(saga.metadata.name);
    if (seen) seen.gone = type === 'DELETED';
    this.#tell();
  }

  #add(saga: OrderSaga): void {
    const { name, uid, resourceVersion } = saga.metadata;
    const seen = this.#seen.get(name) ?? { versions: [], gone: false };
    this.#seen.set(name, seen);
    const last = seen.versions.at(-1)?.metadata;
    if (last?.uid === uid && last.resourceVersion === resourceVersion) return;
    seen.versions.push(saga);
    seen.gone = false;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #wait<T>(what: string, timeoutMillis: number, name: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): boolean => {
        const found = look();
        if (found === undefined) return false;
        this.#listeners.delete(settle);
        clearTimeout(timer);
        resolve(found);
        return true;
      };
      const timer = setTimeout(() => {
        this.#listeners.delete(settle);
        reject(new Error(`waited ${timeoutMillis} ms in vain for ${what}\n${this.#describe(name)}`));
      }, timeoutMillis);
      this.#listeners.add(settle);
      settle();
    });
  }

  #describe(name: string): string {
    const versions = this.versions(name);
    if (versions.length === 0) return 'never seen';
    return versions.map((saga) => `  ${describeSaga(saga)}`).join('\n');
  }
}

/** One line: where the saga stands. */
export function describeSaga({ metadata, status }: OrderSaga): string {
  const succeeded = status.conditions?.find(({ type }) => type === 'Succeeded');
  const steps = status.steps?.map((step) => `${step.name}=${step.state}/${step.attempts}`).join(' ') ?? '';
  return `rv ${metadata.resourceVersion} ${status.outcome ?? 'open'} ${succeeded?.reason ?? '-'} at ${status.currentStep ?? '-'} ${status.failure?.reason ?? ''} ${steps}`;
}

export type ConditionTable = Readonly<Record<Condition['type'], string>>;

/** `{Succeeded: 'Unknown/StepRunning', ...}`; types that are missing say so. */
export function conditionsOf({ status }: OrderSaga): ConditionTable {
  const show = (type: Condition['type']): string => {
    const condition = status.conditions?.find((one) => one.type === type);
    return condition ? `${condition.status}/${condition.reason}` : 'missing';
  };
  return {
    Succeeded: show('Succeeded'),
    Ready: show('Ready'),
    Reconciling: show('Reconciling'),
    Stalled: show('Stalled'),
  };
}
