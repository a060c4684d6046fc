import type { Environment } from '../environment.ts';
import type { KubeObject } from '../kube-object.ts';

/** Something that must hold for all manifests of an environment. */
export interface Property {
  readonly name: string;
  /** Says nothing about an environment without a mesh. */
  readonly needsMesh?: boolean;
  readonly check: (objects: readonly KubeObject[], environment: Environment) => Verdict;
}

export interface Verdict {
  /** How many things were looked at. None at all proves nothing. */
  readonly evaluated: number;
  readonly problems: readonly string[];
}

/** Looks at each of `items`; `problemsOf` says what is wrong with one. */
export function forEach<T>(items: readonly T[], problemsOf: (item: T) => readonly string[]): Verdict {
  return { evaluated: items.length, problems: items.flatMap(problemsOf) };
}

/** The sentence, unless what it denies holds. */
export function unless(holds: boolean, problem: string): readonly string[] {
  return holds ? [] : [problem];
}
