import type { HarmlessBug } from './mutant.ts';

/** Bugs that do no harm here, by design. Each was put in and run: no invariant breaks, since something else keeps it. */

export const harmlessBugs: readonly HarmlessBug[] = [];
