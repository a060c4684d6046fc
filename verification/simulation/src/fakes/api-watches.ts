import type { FakeEvent } from '@sagamesh/operator/kube/testing/fake-objects';
import { parsePlace } from '@sagamesh/operator/kube/testing/fake-server';
import type { SeenRequest } from '@sagamesh/operator/kube/testing/fake-server';
import { FakeWatch, bookmarkLine } from '@sagamesh/operator/kube/testing/fake-watch';
import type { SimProcess } from '../kernel/host.ts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Sim } from '../kernel/sim.ts';

/** The open watches of the simulated API server: lines on their way, bookmarks, time limits, and what can go wrong with a stream. */

const lineMillis = { min: 0.3, spread: 4 };
const delayMaxMillis = 30_000;
/** The server's own rhythm (apiserver, storage/cacher, defaultBookmarkFrequency). */
const bookmarkMillis = 60_000;

interface OpenWatch {
  readonly process: SimProcess;
  readonly stream: FakeWatch;
  /** Sent and not arrived yet; they arrive in this order. */
  readonly onTheWay: Uint8Array[];
  /** When the last of them arrives. */
  arrivesMillis: number;
  isSilent: boolean;
}

export class ApiWatches {
  readonly #sim: Sim;
  readonly #random: SeededRandom;
  readonly #version: () => number;
  readonly #open = new Set<OpenWatch>();

  constructor(sim: Sim, version: () => number) {
    this.#sim = sim;
    this.#random = sim.fork('api-watches');
    this.#version = version;
    sim.faults.onMoment('api.cutWatches', (target) => this.#cutAll(target));
    sim.faults.onMoment('api.blackHoleWatches', (target) => this.#silenceAll(target));
  }

  get size(): number {
    return this.#open.size;
  }

  open(
    process: SimProcess,
    request: SeenRequest,
    signal: AbortSignal,
    past: readonly FakeEvent[],
  ): FakeWatch {
    const watch: OpenWatch = {
      process,
      stream: new FakeWatch(parsePlace(request.path), () => this.#open.delete(watch), signal),
      onTheWay: [],
      arrivesMillis: 0,
      isSilent: false,
    };
    this.#open.add(watch);
    process.onDeath(() => this.#open.delete(watch));
    for (const event of past) this.#tell(watch, event);
    const timeoutSeconds = Number(request.query.get('timeoutSeconds')) || 1_800;
    this.#sim.after(timeoutSeconds * 1_000, () => this.#end(watch));
    this.#sim.after(bookmarkMillis, () => this.#bookmark(watch));
    return watch.stream;
  }

  tellAll(event: FakeEvent): void {
    for (const watch of this.#open) this.#tell(watch, event);
  }

  #tell(watch: OpenWatch, event: FakeEvent): void {
    if (watch.stream.isAbout(event)) this.#send(watch, event.line);
  }

  #send(watch: OpenWatch, line: Uint8Array): void {
    if (watch.isSilent) return;
    const { process } = watch;
    const { faults, nowMillis } = this.#sim;
    if (faults.bites('api.away', process.name)) return this.#cut(watch);
    const isLate = faults.bites('api.watchDelay', process.name);
    const lateMillis = isLate ? 1_000 + faults.delayMillis(delayMaxMillis) : 0;
    const wayMillis = lineMillis.min + this.#random.next() * lineMillis.spread + lateMillis;
    watch.arrivesMillis = Math.max(watch.arrivesMillis, nowMillis + wayMillis);
    watch.onTheWay.push(line);
    this.#sim.after(watch.arrivesMillis - nowMillis, () => process.deliver(() => arrive(watch)));
  }

  /** Only up to what was sent: it waits in the same line. */
  #bookmark(watch: OpenWatch): void {
    if (!this.#open.has(watch)) return;
    this.#send(watch, bookmarkLine(this.#version()));
    this.#sim.after(bookmarkMillis, () => this.#bookmark(watch));
  }

  /** A proper end, after everything that is on its way. */
  #end(watch: OpenWatch): void {
    if (!this.#open.delete(watch) || watch.isSilent) return;
    const leftMillis = Math.max(0, watch.arrivesMillis - this.#sim.nowMillis) + 1;
    this.#sim.after(leftMillis, () => watch.process.deliver(() => watch.stream.end()));
  }

  #cut(watch: OpenWatch): void {
    this.#open.delete(watch);
    watch.onTheWay.length = 0;
    this.#sim.after(0, () => watch.process.deliver(() => watch.stream.cut()));
  }

  #cutAll(target: string | undefined): boolean {
    const hit = this.#of(target);
    for (const watch of hit) this.#cut(watch);
    return hit.length > 0;
  }

  #silenceAll(target: string | undefined): boolean {
    const hit = this.#of(target).filter((watch) => !watch.isSilent);
    for (const watch of hit) {
      watch.isSilent = true;
      watch.onTheWay.length = 0;
    }
    return hit.length > 0;
  }

  #of(target: string | undefined): OpenWatch[] {
    return [...this.#open].filter(({ process }) => target === undefined || process.name === target);
  }
}

/** What was lost on the way is not there any more when its time comes. */
function arrive(watch: OpenWatch): void {
  const line = watch.onTheWay.shift();
  if (line !== undefined) watch.stream.send(line);
}
