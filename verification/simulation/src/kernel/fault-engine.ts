import { unreachable } from '@sagamesh/contracts/unreachable';
import type { EffectKind, Fault, FaultKind, MomentFaultKind, Side, WindowFaultKind } from './fault.ts';
import type { Host } from './host.ts';
import type { SeededRandom } from './random.ts';
import type { Sim } from './sim.ts';

type WindowFault = Extract<Fault, { readonly probability: number }>;
type CrashAt = Extract<Fault, { kind: 'process.crashAt' }>;

/** A moment at which a process could have died: right before or right after an effect outside of its memory. */
export interface Boundary {
  readonly host: string;
  readonly role: string;
  readonly effect: EffectKind;
  readonly side: Side;
  readonly what: string;
  /** Virtual milliseconds since the start. */
  readonly atMillis: number;
}

/** Carries out the faults of a run and counts how often each kind bit. The fakes ask it; it never touches them. */
export class FaultEngine {
  readonly #sim: Sim;
  readonly #open = new Map<
    WindowFaultKind,
    { readonly fault: WindowFault; readonly random: SeededRandom }[]
  >();
  readonly #armed: { readonly fault: CrashAt; left: number }[] = [];
  readonly #listeners = new Map<MomentFaultKind, ((target: string | undefined) => boolean)[]>();
  readonly #hosts = new Map<string, Host>();
  readonly #bitten = new Map<FaultKind, number>();
  #isHealed = false;
  #passed: Boundary[] | undefined;
  /** By ordinal: how long its process stays down. */
  readonly #fatal = new Map<number, number>();
  #ordinal = 0;

  constructor(sim: Sim) {
    this.#sim = sim;
  }

  register(host: Host): void {
    this.#hosts.set(host.name, host);
  }

  /** Who carries out a fault of the moment; answers whether there was anything to break. */
  onMoment(kind: MomentFaultKind, carryOut: (target: string | undefined) => boolean): void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), carryOut]);
  }

  plan(faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.#sim.after(fault.atMillis - this.#sim.nowMillis, () => this.#begin(fault));
    }
  }

  /** From now on nothing breaks any more; what was paused goes on, what is down comes back. */
  heal(): void {
    this.#isHealed = true;
    this.#open.clear();
    this.#armed.length = 0;
    for (const host of this.#hosts.values()) host.resume();
    this.#sim.trace.add(this.#sim.nowMillis, 'faults', 'healed');
  }

  /** Asked by a fake at the moment when the fault could bite. True: it does, and it was counted. */
  bites(kind: WindowFaultKind, ...targets: readonly string[]): boolean {
    const open = this.#open.get(kind);
    if (open === undefined || open.length === 0) return false;
    for (const { fault, random } of open) {
      if (fault.target !== undefined && !targets.includes(fault.target)) continue;
      if (!random.chance(fault.probability)) continue;
      this.bit(kind, targets[0]);
      return true;
    }
    return false;
  }

  /** How late something is that was struck by a delay, in virtual milliseconds. */
  delayMillis(maxMillis: number): number {
    return Math.round(this.#sim.random.next() ** 2 * maxMillis);
  }

  bit(kind: FaultKind, who = ''): void {
    this.#bitten.set(kind, (this.#bitten.get(kind) ?? 0) + 1);
    this.#sim.trace.add(this.#sim.nowMillis, 'fault', `${kind} ${who}`);
  }

  get bitten(): ReadonlyMap<FaultKind, number> {
    return this.#bitten;
  }

  /** Every boundary that was passed, in order: for runs that die at each of them in turn. Recorded only when asked for. */
  recordBoundaries(): readonly Boundary[] {
    this.#passed ??= [];
    return this.#passed;
  }

  /** The process that comes to the n-th boundary of the run (from 0) dies there. Can be asked for several boundaries. */
  dieAtBoundary(ordinal: number, downMillis: number): void {
    this.#fatal.set(ordinal, downMillis);
  }

  /** A process stands at an effect boundary. True: it dies here. */
  diesAt(host: Host, effect: EffectKind, side: Side, what: string): boolean {
    this.#passed?.push({
      host: host.name,
      role: host.role,
      effect,
      side,
      what,
      atMillis: this.#sim.nowMillis,
    });
    const downMillis = this.#fatal.get(this.#ordinal) ?? this.#downByFault(host, effect, side);
    this.#ordinal += 1;
    if (downMillis === undefined) return false;
    this.#sim.count(`dies ${side} ${effect} (${host.role})`);
    this.bit('process.crashAt', host.name);
    host.crash(downMillis);
    return true;
  }

  /** How long the process stays down when a fault of the plan strikes here. */
  #downByFault(host: Host, effect: EffectKind, side: Side): number | undefined {
    const index = this.#armed.findIndex(
      ({ fault }) => fault.host === host.name && fault.effect === effect && fault.side === side,
    );
    const armed = this.#armed[index];
    if (armed === undefined) return undefined;
    if (armed.left > 0) {
      armed.left -= 1;
      return undefined;
    }
    this.#armed.splice(index, 1);
    return armed.fault.downMillis;
  }

  #begin(fault: Fault): void {
    if (this.#isHealed) return;
    if ('host' in fault) this.#strike(fault);
    else if ('probability' in fault) this.#openWindow(fault);
    else this.#carryOut(fault.kind, fault.target);
  }

  #strike(fault: Extract<Fault, { readonly host: string }>): void {
    const host = this.#hosts.get(fault.host);
    if (host === undefined) throw new RangeError(`no host is called ${fault.host}`);
    switch (fault.kind) {
      case 'process.crash':
        if (host.crash(fault.downMillis)) this.bit(fault.kind, fault.host);
        return;
      case 'process.crashAt':
        this.#armed.push({ fault, left: fault.skip });
        return;
      case 'process.pause':
        if (host.pause(fault.forMillis)) this.bit(fault.kind, fault.host);
        return;
      case 'process.skew':
        host.skewMillis = fault.byMillis;
        this.bit(fault.kind, fault.host);
        return;
      default:
        unreachable(fault);
    }
  }

  #openWindow(fault: WindowFault): void {
    const entry = {
      fault,
      random: this.#sim.fork(`fault/${fault.kind}/${fault.atMillis}/${fault.target ?? ''}`),
    };
    const open = this.#open.get(fault.kind) ?? [];
    open.push(entry);
    this.#open.set(fault.kind, open);
    this.#sim.after(fault.forMillis, () => {
      const at = open.indexOf(entry);
      if (at >= 0) open.splice(at, 1);
    });
  }

  #carryOut(kind: MomentFaultKind, target: string | undefined): void {
    const broke = (this.#listeners.get(kind) ?? []).map((carryOut) => carryOut(target));
    if (broke.includes(true)) this.bit(kind, target);
  }
}
