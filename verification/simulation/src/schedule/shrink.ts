import type { RunPlan } from './run-plan.ts';

/** Makes a failing run smaller: leaves out faults, user actions and sagas, as long as it still fails (delta debugging, Zeller 1999). */

export interface Shrunk {
  readonly plan: RunPlan;
  readonly runs: number;
}

export type Fails = (plan: RunPlan) => Promise<boolean>;

type Part = 'faults' | 'users' | 'sagas';
const parts: readonly Part[] = ['faults', 'users', 'sagas'];

export async function shrink(plan: RunPlan, fails: Fails, runsMax: number): Promise<Shrunk> {
  let current = plan;
  let runs = 0;
  const stillFails = async (candidate: RunPlan): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    return fails(candidate);
  };
  for (const part of parts) {
    for (
      let chunk = Math.ceil(sizeOf(current, part) / 2);
      chunk >= 1;
      chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)
    ) {
      for (let start = 0; start < sizeOf(current, part);) {
        const candidate = without(current, part, start, chunk);
        if (await stillFails(candidate)) current = candidate;
        else start += chunk;
      }
    }
  }
  return { plan: current, runs };
}

function sizeOf(plan: RunPlan, part: Part): number {
  return plan[part].length;
}

function without(plan: RunPlan, part: Part, start: number, count: number): RunPlan {
  switch (part) {
    case 'faults':
      return { ...plan, faults: plan.faults.toSpliced(start, count) };
    case 'users':
      return { ...plan, users: plan.users.toSpliced(start, count) };
    case 'sagas':
      return withoutSagas(plan, start, count);
  }
}

/** Actions and twins of a saga go with it. */
function withoutSagas(plan: RunPlan, start: number, count: number): RunPlan {
  const left = plan.sagas.toSpliced(start, count);
  const ids = new Set(left.map(({ id }) => id));
  return {
    ...plan,
    sagas: left.filter(({ twinOf }) => twinOf === undefined || ids.has(twinOf)),
    users: plan.users.filter(({ saga }) => ids.has(saga)),
  };
}
