import { checkAll } from '@sagamesh/invariants/all-invariants';
import type { ReplayFact, SagaFact } from '@sagamesh/invariants/facts';
import type { Finding } from '@sagamesh/invariants/finding';
import { streamNames } from '@sagamesh/contracts/subjects';
import type { Boundary } from '../kernel/fault-engine.ts';
import type { Sim } from '../kernel/sim.ts';
import { runWorld } from '../run/run-world.ts';
import type { RunPlan } from '../schedule/run-plan.ts';
import { bootMillis } from '../world/world.ts';
import type { Moment, Scenario } from './boundary-scenarios.ts';

/** One run of a scenario, undisturbed or with processes that die at boundaries, and what the checkers say of it. */

export interface Death {
  /** Which boundary of the run, from 0, the start of the system included. */
  readonly ordinal: number;
  readonly downMillis: number;
}

export interface BoundaryRun {
  /** As `Scenario.quiet`. */
  readonly outcome: string;
  readonly findings: readonly Finding[];
  readonly traceHash: string;
  readonly traceLines: readonly string[];
  /** Every boundary of the run, in order. */
  readonly passed: readonly Boundary[];
}

/** The quiet world has one seed: it decides latencies and ids, and they are part of the scenario. */
const seed = 1;
/** Quiet worlds come to rest soon after the last process is back. */
const boundMillis = 5 * 60_000;

export interface BoundaryRunOptions {
  readonly deaths?: readonly Death[];
  readonly keepTrace?: boolean;
  /** The hash of the same run before, to be held against this one's (I14). */
  readonly earlierHash?: string;
}

export async function runBoundary(plan: RunPlan, options: BoundaryRunOptions = {}): Promise<BoundaryRun> {
  const { deaths = [], keepTrace = false, earlierHash } = options;
  let passed: readonly Boundary[] = [];
  const prepare = ({ faults }: Sim) => {
    passed = faults.recordBoundaries();
    for (const { ordinal, downMillis } of deaths) faults.dieAtBoundary(ordinal, downMillis);
  };
  const { world, overrun } = await runWorld(plan, { keepTrace, boundMillis, prepare });
  const { hash, lines } = world.sim.trace;
  const replays: readonly ReplayFact[] =
    earlierHash === undefined ? [] : [{ what: 'trace', first: earlierHash, second: hash }];
  const facts = await world.facts(replays);
  return {
    outcome: outcomeOf(facts.sagas ?? []),
    findings: [...checkAll(facts), ...overrun],
    traceHash: hash,
    traceLines: lines,
    passed,
  };
}

/** The scenario's plan with its moments as times: read from a course without its users and faults, which is the same until the first of them. */
export async function planOf(scenario: Scenario): Promise<RunPlan> {
  const base: RunPlan = {
    seed,
    replicas: 1,
    leaseLies: false,
    healAtMillis: scenario.healAfterMillis,
    sagas: scenario.sagas,
    users: [],
    faults: [],
  };
  if (scenario.users.length + scenario.faults.length === 0) return base;
  const { world } = await runWorld(base, { boundMillis });
  const timeOf = (moment: Moment): number => {
    if (moment.at === 'start') return 0;
    const stream = moment.at === 'command' ? streamNames.commands : streamNames.replies;
    const record = world.bus.history(stream)[moment.count - 1];
    if (record === undefined) throw new RangeError(`${scenario.name}: no ${moment.at} ${moment.count}`);
    return record.atMillis - bootMillis;
  };
  return {
    ...base,
    users: scenario.users.map(({ kind, moment, afterMillis = 0 }) => ({
      kind,
      saga: 0,
      atMillis: timeOf(moment) + afterMillis,
    })),
    faults: scenario.faults.map(({ fault, moment }) => ({
      ...fault,
      atMillis: timeOf(moment) + fault.atMillis,
    })),
  };
}

function outcomeOf(sagas: readonly SagaFact[]): string {
  return sagas
    .map(({ versions, gone }) => versions.at(-1)?.status.outcome ?? (gone ? 'gone' : 'open'))
    .join(', ');
}
