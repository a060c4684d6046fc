import { explore } from '/work/main/verification/simulation/src/exhaustive/state-space.ts';
import { SagaModel } from '/work/main/verification/simulation/src/exhaustive/state-space-saga.ts';
import { realParts } from '/work/main/verification/simulation/src/exhaustive/state-space-parts.ts';
const base = {
  name: 'base',
  before: ['a', 'b'],
  after: ['n'],
  providerStep: 'b',
  rejecting: [],
  maxAttempts: 1,
  heldFromStart: false,
  people: new Set(),
  deadline: true,
  reconnects: false,
  progress: false,
  losses: false,
  silent: [],
  abandonable: [],
  operators: 2,
};
const c = { ...base, ...eval('(' + (process.argv[2] ?? '{}') + ')') };
const m = new SagaModel(c as any, realParts, process.argv[3] === 'v');
const t = Date.now();
try {
  const r = explore(m, Number(process.argv[4] ?? 3000000));
  const { problem, ...rest } = r;
  console.log(
    JSON.stringify(rest),
    'core',
    m.table.size,
    (Date.now() - t) / 1000,
    's',
    Math.round(process.memoryUsage().rss / 1e6) + 'MB',
  );
  if (problem) {
    console.log(problem.what);
    for (const l of problem.path) console.log('  ', l);
  }
} catch (e) {
  console.log(String(e).slice(0, 300), 'core', m.table.size, (Date.now() - t) / 1000);
}
