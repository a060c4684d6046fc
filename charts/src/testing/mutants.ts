import { callerMistakes } from './caller-mistakes.ts';
import { meshMistakes } from './mesh-mistakes.ts';
import type { Mutant } from './mutant.ts';
import { objectMistakes } from './object-mistakes.ts';
import { podMistakes } from './pod-mistakes.ts';

const mistakes = { ...callerMistakes, ...meshMistakes, ...objectMistakes, ...podMistakes };

export const mutants: readonly Mutant[] = Object.entries(mistakes).flatMap(([breaks, rows]) =>
  rows.map(([mistake, mutate, environment = 'kind']) => ({ mistake, breaks, environment, mutate })),
);
