import { emptyBoundaryTally, mergeBoundaryTally } from '../exhaustive/boundary-tally.ts';
import type { BoundaryTally } from '../exhaustive/boundary-tally.ts';
import type { BoundaryAnswer, BoundaryOrder } from './boundary-worker.ts';
import { spread } from './spread.ts';

/** Spreads the boundaries of all scenarios over worker processes. */

export interface EnumerationOptions {
  /** Of cli/boundary-worker.ts. */
  readonly bundle: string;
  /** By name. */
  readonly scenarios: readonly string[];
  /** Stop handing out boundaries after the first failing run. */
  readonly stopAtFailure?: boolean;
  /** Told of each scenario when all of its boundaries are done, in the order in which that happens. */
  readonly onScenario?: (tally: BoundaryTally) => void;
}

export interface Enumeration {
  readonly tallies: readonly BoundaryTally[];
  /** Boundaries of all courses. */
  readonly found: number;
}

const boundariesPerOrder = 8;
/** An order is some dozens of runs of some milliseconds; a bug may make one spin. */
const silenceMillisMax = 180_000;

export async function enumerateBoundaries(options: EnumerationOptions): Promise<Enumeration> {
  const { bundle, scenarios, stopAtFailure = false, onScenario } = options;
  const tallies = new Map(scenarios.map((name) => [name, emptyBoundaryTally(name)]));
  const found = new Map<string, number>();
  const isToStop = () => stopAtFailure && [...tallies.values()].some(({ failing }) => failing.length > 0);
  const run = (orders: readonly BoundaryOrder[], onAnswer: (answer: BoundaryAnswer) => void) => {
    const left = orders.toReversed();
    return spread<BoundaryOrder, BoundaryAnswer>({
      bundle,
      nextOrder: () => (isToStop() ? undefined : left.pop()),
      onAnswer,
      failed: failedAnswer,
      silenceMillisMax,
    });
  };
  const add = ({ tally }: BoundaryAnswer): BoundaryTally => {
    const total = tallies.get(tally.scenario) ?? emptyBoundaryTally(tally.scenario);
    mergeBoundaryTally(total, tally);
    return total;
  };
  await run(
    scenarios.map((scenario) => ({ scenario, boundaries: [] })),
    (answer) => {
      add(answer);
      found.set(answer.tally.scenario, answer.found);
    },
  );
  await run(
    scenarios.flatMap((scenario) => ordersOf(scenario, found.get(scenario) ?? 0)),
    (answer) => {
      const total = add(answer);
      if (total.boundaries === found.get(total.scenario)) onScenario?.(total);
    },
  );
  return { tallies: [...tallies.values()], found: [...found.values()].reduce((sum, each) => sum + each, 0) };
}

function ordersOf(scenario: string, count: number): readonly BoundaryOrder[] {
  return Array.from({ length: Math.ceil(count / boundariesPerOrder) }, (_, index) => {
    const from = index * boundariesPerOrder + 1;
    const boundaries = Array.from(
      { length: Math.min(boundariesPerOrder, count - from + 1) },
      (__, offset) => from + offset,
    );
    return { scenario, boundaries };
  });
}

function failedAnswer({ scenario, boundaries }: BoundaryOrder, why: string): BoundaryAnswer {
  const tally = emptyBoundaryTally(scenario);
  tally.boundaries = boundaries.length;
  tally.failing.push({
    scenario,
    boundary: String(boundaries[0] ?? 0),
    words: `one of boundaries ${boundaries.join(', ')}`,
    violations: [`I10: ${why}`],
  });
  return { tally, found: 0 };
}
