import { fenceMutants } from './fence-mutants.ts';
import type { Mutant } from './mutant.ts';
import { operatorMutants } from './operator-mutants.ts';
import { sagaMutants } from './saga-mutants.ts';
import { serviceMutants } from './service-mutants.ts';

/** Every seeded bug. `mutants.test.ts` holds the list of those that must be among them. */
export const allMutants: readonly Mutant[] = [
  ...fenceMutants,
  ...sagaMutants,
  ...operatorMutants,
  ...serviceMutants,
];

export function mutantNamed(id: string): Mutant {
  const found = allMutants.find((mutant) => mutant.id === id);
  if (found === undefined) throw new RangeError(`no mutant is called ${id}`);
  return found;
}
