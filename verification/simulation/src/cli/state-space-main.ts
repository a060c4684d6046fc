import { runStateSpace } from '../exhaustive/run-state-space.ts';
import type { ScopeResult } from '../exhaustive/run-state-space.ts';
import { sagaScopes } from '../exhaustive/state-space-configurations.ts';
import { intakeScopes } from '../exhaustive/state-space-intake-scopes.ts';

/** `make sim-exhaustive`, second part: every state of small scopes. ARGS: only the scopes whose name contains this. Exit code 1: a law is broken. */

const wanted = process.argv.slice(2).join(' ');
const scopes = [...sagaScopes, ...intakeScopes].filter(({ name }) => name.includes(wanted));
const write = (line: string) => void process.stdout.write(`${line}\n`);

write('    STATES  TRANSITIONS  SECONDS  BROKEN  NO END  PERSON  SCOPE');
const results = runStateSpace(scopes, { epochMillis: () => Date.now(), onResult: tell });
const bad = results.filter(({ problem }) => problem !== null).length;
const sum = (of: (result: ScopeResult) => number) => results.reduce((total, result) => total + of(result), 0);
const found = bad === 0 ? 'no broken law, an end from everywhere' : `PROBLEMS in ${bad}`;
write(
  `State space: ${results.length} scopes, ${sum(({ states }) => states)} states, ` +
    `${sum(({ transitions }) => transitions)} transitions, ${sum(({ seconds }) => seconds).toFixed(0)} s: ${found}`,
);
process.exitCode = bad === 0 && results.length > 0 ? 0 : 1;

function tell(result: ScopeResult): void {
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
  write(columns.join('  '));
  if (problem === null) return;
  write(`  ${problem.what}:`);
  for (const line of problem.path) write(`    ${line}`);
}
