import { report, runStages } from './stages.ts';

/** `make check`: everything that can be said about the code without running it. */
const results = await runStages([
  { name: 'format', command: 'npx', args: ['prettier', '--log-level', 'warn', '--check', '.'] },
  { name: 'lint', command: 'npx', args: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'types', command: 'npx', args: ['tsc', '-p', '.'] },
  {
    name: 'architecture',
    command: 'npx',
    args: ['vitest', 'run', '--project', 'unit', 'architecture.test.ts'],
  },
  { name: 'dead code', command: 'npx', args: ['knip'] },
  {
    name: 'generated files',
    command: process.execPath,
    args: ['--import', 'tsx', 'tools/build/src/generate-manifests.ts', '--check'],
  },
]);
report(results);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
