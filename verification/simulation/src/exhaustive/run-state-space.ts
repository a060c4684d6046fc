import { explore } from './state-space.ts';
import type { Search } from './state-space.ts';
import type { Scope } from './state-space-configurations.ts';
import { realParts } from './state-space-parts.ts';
import type { Parts } from './state-space-parts.ts';

/** Small scopes, searched completely: the counterpart of a proof for what is that small. */

export interface ScopeResult extends Search {
  readonly name: string;
  readonly seconds: number;
}

export interface StateSpaceOptions {
  readonly epochMillis: () => number;
  readonly parts?: Parts;
  /** Memory is finite: a scope with more states than this is a mistake. */
  readonly statesMax?: number;
  /** Told of each scope as it is done. */
  readonly onResult?: (result: ScopeResult) => void;
}

const statesMaxByDefault = 4_000_000;

/** Throws TooManyStatesError where a scope is not small. */
export function runStateSpace(scopes: readonly Scope[], options: StateSpaceOptions): readonly ScopeResult[] {
  const { epochMillis, parts = realParts, statesMax = statesMaxByDefault, onResult } = options;
  return scopes.map((scope) => {
    const startMillis = epochMillis();
    const search = explore(scope.model(parts), statesMax);
    const result = { name: scope.name, ...search, seconds: (epochMillis() - startMillis) / 1_000 };
    onResult?.(result);
    return result;
  });
}
