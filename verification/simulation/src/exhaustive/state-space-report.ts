import type { ScopeResult } from './run-state-space.ts';

/** The figures of the searched scopes, as lines for a terminal. */

export const scopeHeader = '    STATES  TRANSITIONS  SECONDS  BROKEN  NO END  PERSON  SCOPE';

export function scopeLines(result: ScopeResult): readonly string[] {
  const { states, transitions, seconds, withoutEnd, waitingForPerson, problem, name } = result;
  const broken = problem !== null && withoutEnd === 0 ? 1 : 0;
  const columns = [
    String(states).padStart(10),
    String(transitions).padStart(11),
    seconds.toFixed(1).padStart(7),
    String(broken).padStart(6),
    String(withoutEnd).padStart(6),
    String(waitingForPerson).padStart(6),
    name,
  ];
  return [
    columns.join('  '),
    ...(problem === null ? [] : [`  ${problem.what}:`, ...problem.path.map((line) => `    ${line}`)]),
  ];
}

export function scopesLine(results: readonly ScopeResult[]): string {
  const sum = (of: (result: ScopeResult) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const bad = problemsIn(results);
  const found = bad === 0 ? 'no broken law, an end from everywhere' : `PROBLEMS in ${bad}`;
  return (
    `${results.length} scopes, ${sum(({ states }) => states)} states, ` +
    `${sum(({ transitions }) => transitions)} transitions, ${sum(({ seconds }) => seconds).toFixed(0)} s: ${found}`
  );
}

export function problemsIn(results: readonly ScopeResult[]): number {
  return results.filter(({ problem }) => problem !== null).length;
}
