import { runStateSpace } from '../exhaustive/run-state-space.ts';
import { sagaScopes } from '../exhaustive/state-space-configurations.ts';
import { intakeScopes } from '../exhaustive/state-space-intake-scopes.ts';
import { problemsIn, scopeHeader, scopeLines, scopesLine } from '../exhaustive/state-space-report.ts';

/** The second part of `make sim-exhaustive` alone: every state of small scopes. ARGS: only the scopes whose name contains this. Exit code 1: a law is broken. */

const wanted = process.argv.slice(2).join(' ');
const scopes = [...sagaScopes, ...intakeScopes].filter(({ name }) => name.includes(wanted));
const write = (lines: readonly string[]) => void process.stdout.write(`${lines.join('\n')}\n`);

write([scopeHeader]);
const results = runStateSpace(scopes, {
  epochMillis: () => Date.now(),
  onResult: (result) => write(scopeLines(result)),
});
write([`State space: ${scopesLine(results)}`]);
process.exitCode = problemsIn(results) === 0 && results.length > 0 ? 0 : 1;
