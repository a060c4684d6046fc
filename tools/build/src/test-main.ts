import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { findPostgres } from '@sagamesh/sandbox/find-postgres';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { report, runStages } from './stages.ts';
import type { Stage } from './stages.ts';

/** `make test`: what needs no server runs in any case; what cannot run fails the whole, and says what is missing. */

const vitest = (project: string): Stage => ({
  name: `${project} tests`,
  command: 'npx',
  args: ['vitest', 'run', '--project', project],
});
const bundles: Stage = {
  name: 'bundles',
  command: process.execPath,
  args: ['--import', 'tsx', 'tools/build/src/bundle-cli.ts'],
};

const unit = await runStages([vitest('unit')]);
const missing = await whatIsMissing();
const rest = missing.length === 0 ? await runStages([bundles, vitest('int'), vitest('e2e')]) : [];
report([...unit, ...rest]);
for (const problem of missing) console.error(`NOT RUN: integration and end-to-end tests: ${problem}`);
process.exitCode = missing.length === 0 && [...unit, ...rest].every(({ ok }) => ok) ? 0 : 1;

async function whatIsMissing(): Promise<readonly string[]> {
  const problems: string[] = [];
  const needs = [
    ...(['etcd', 'kube-apiserver', 'kubectl', 'nats-server'] as const).map(
      (name) => () => resolveBinary(name),
    ),
    () => findPostgres(process.env),
  ];
  for (const need of needs) {
    try {
      await need();
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      problems.push(error.message);
    }
  }
  return problems;
}
