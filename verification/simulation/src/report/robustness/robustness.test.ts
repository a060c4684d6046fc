import { allInvariants } from '@sagamesh/invariants/all-invariants';
import { describe, expect, it } from 'vitest';
import { faultKinds } from '../../kernel/fault.ts';
import { trackRecord } from '../track-record.ts';
import { contractFiguresOf } from './contract-cases.ts';
import type {
  ContractFigures,
  ExhaustiveFigures,
  MutantFigures,
  Part,
  RobustnessFigures,
  SimFigures,
} from './figures.ts';
import { overallVerdict } from './part-verdicts.ts';
import { robustnessPage } from './robustness-page.ts';

const info = { command: 'make sim SEED=5 COUNT=2', commit: 'abc1234', date: '2030-01-02', seconds: 61 };
const done = <Figures>(figures: Figures): Part<Figures> => ({ kind: 'done', info, figures });

const sim: SimFigures = {
  seed: 5,
  sqlRuns: 1,
  realMillis: 60_000,
  tally: {
    runs: 2,
    sagas: 48,
    virtualMillis: 5_400_000,
    eventsRun: 1234,
    bitten: { 'bus.lose': 17 },
    counts: {},
    invariants: { I3: { evaluated: 90, violations: 0 } },
    failing: [],
  },
  coverage: [{ title: 'reply kinds', hit: 9, of: 9, missing: [] }],
  verdict: 'Pass',
};
const exhaustive: ExhaustiveFigures = {
  boundaries: { found: 70, died: 70 },
  runs: 90,
  pairs: 10,
  violations: 0,
  invariants: { I3: { evaluated: 33, violations: 0 } },
  holes: [],
  scenarios: [
    {
      scenario: 'all goes well',
      boundaries: 70,
      runs: 90,
      pairs: 10,
      outcomes: { Completed: 90 },
      failing: [],
    },
  ],
  scopes: [
    {
      name: 'a says no',
      states: 1_676,
      transitions: 20_008,
      ends: 3,
      waitingForPerson: 4,
      withoutEnd: 0,
      seconds: 1,
      problem: null,
    },
  ],
};
const mutants: MutantFigures = {
  mutants: [
    {
      id: 'no-fence',
      title: 'The fence lets all | through.',
      caught: true,
      invariants: ['I4', 'I13'],
      seeds: 2,
      budget: 20,
    },
  ],
  killed: 1,
  total: 1,
  medianSeeds: 2,
};
const contracts: ContractFigures = {
  cases: [
    { suite: 'fence', implementation: 'memory', isFake: true, passed: 30, failed: 0 },
    { suite: 'fence', implementation: 'PostgreSQL 15.1', isFake: false, passed: 30, failed: 0 },
  ],
  failures: [],
  notRun: [],
};
const figures: RobustnessFigures = {
  surroundings: {
    commit: 'abc1234',
    date: '2030-01-02',
    machine: '2 cores, 4 GiB',
    versions: [['nats-server', '2.99.0']],
  },
  sims: [{ name: 'fixed seeds', part: done(sim) }],
  exhaustive: done(exhaustive),
  mutants: done(mutants),
  knownMutants: ['no-fence'],
  harmlessBugs: [{ id: 'no-lease', title: 'No Lease.', maskedBy: 'fences', replacedBy: 'no-fence' }],
  contracts: done(contracts),
};
const lines = (change: Partial<RobustnessFigures> = {}): readonly string[] =>
  robustnessPage({ ...figures, ...change }, trackRecord).split('\n');

describe('the page', () => {
  it('says what was run, where, and what came of it', () => {
    const page = lines();
    for (const line of [
      '| simulation, fixed seeds | Pass | `make sim SEED=5 COUNT=2` | abc1234 | 2030-01-02 | 61 |',
      '| seeds | 5 to 6 |',
      '| virtual hours | 1.5 |',
      '| sagas per minute | 48 |',
      '| `bus.lose` | 17 |',
      '| reply kinds | 9/9 |',
      'Boundaries 70/70, 90 runs (10 with two deaths), 0 violations.',
      '| a says no | 1,676 | 20,008 | 0 | 4 | none |',
      'Caught 1/1; median seeds to detection: 2.',
      '| no-fence | The fence lets all \\| through. | 2 | 20 | I4 I13 |',
      '| fence | `services/kit/src/testing/fence.behaviour.ts` | memory: 30/30 | PostgreSQL 15.1: 30/30 |',
      '| no-lease | No Lease. | fences | no-fence |',
      '| nats-server | 2.99.0 |',
    ])
      expect(page).toContain(line);
    expect(overallVerdict(figures)).toBe('Pass');
  });

  it('has a line for each invariant, each fault kind and each bug that was found', () => {
    const page = lines();
    for (const { id, title } of allInvariants)
      expect(page.filter((line) => line.startsWith(`| ${id} | ${title} |`))).toHaveLength(1);
    for (const kind of faultKinds)
      expect(page.filter((line) => line.startsWith(`| \`${kind}\` |`))).toHaveLength(1);
    for (const { bug } of trackRecord)
      expect(page.filter((line) => line.startsWith(`| ${bug} |`))).toHaveLength(1);
    expect(page).toContain(`| I3 | ${allInvariants[2]?.title} | 90 | 33 | 0 |`);
  });

  it.each<[string, Partial<RobustnessFigures>]>([
    [
      'simulation, fixed seeds',
      { sims: [{ name: 'fixed seeds', part: { kind: 'notRun', why: 'no time' } }] },
    ],
    ['boundaries and small scopes', { exhaustive: { kind: 'notRun', why: 'no time' } }],
    ['seeded bugs', { mutants: { kind: 'notRun', why: 'no time' } }],
    ['contract suites', { contracts: { kind: 'notRun', why: 'no time' } }],
  ])('says that %s were not run, and proves less then', (name, change) => {
    expect(lines(change)).toContain(`| ${name} | not run: no time |  |  |  |  |`);
    expect(overallVerdict({ ...figures, ...change })).toBe('Inconclusive');
  });

  it('shows what never happened as Inconclusive', () => {
    const coverage = [{ title: 'anomalies', hit: 1, of: 2, missing: ['empty rollback'] }];
    const sims = [
      { name: 'fixed seeds', part: done({ ...sim, coverage, verdict: 'Inconclusive' as const }) },
    ];
    expect(lines({ sims })).toContain('- anomalies: empty rollback');
    expect(lines({ sims })).toContain('| verdict | Inconclusive |');
    expect(overallVerdict({ ...figures, sims })).toBe('Inconclusive');
  });

  it.each<[string, Partial<RobustnessFigures>]>([
    ['a boundary was left out', { exhaustive: done({ ...exhaustive, boundaries: { found: 70, died: 69 } }) }],
    ['something was not died at', { exhaustive: done({ ...exhaustive, holes: ['I14 evaluated nothing'] }) }],
    ['a seeded bug was not tried', { knownMutants: ['no-fence', 'no-claim'] }],
    ['no scope was searched', { exhaustive: done({ ...exhaustive, scopes: [] }) }],
    ['a suite could not run', { contracts: done({ ...contracts, notRun: [{ what: 'x', why: 'y' }] }) }],
  ])('is Inconclusive when %s', (_, change) => {
    expect(overallVerdict({ ...figures, ...change })).toBe('Inconclusive');
  });

  it.each<[string, Partial<RobustnessFigures>]>([
    ['a bug was not caught', { mutants: done({ ...mutants, killed: 0 }) }],
    ['a law was broken at a boundary', { exhaustive: done({ ...exhaustive, violations: 1 }) }],
    [
      'a state has no end',
      {
        exhaustive: done({
          ...exhaustive,
          scopes: (exhaustive.scopes ?? []).map((scope) => ({ ...scope, withoutEnd: 1 })),
        }),
      },
    ],
    [
      'a case failed',
      { contracts: done({ ...contracts, cases: contracts.cases.map((one) => ({ ...one, failed: 1 })) }) },
    ],
  ])('is Fail when %s, whatever else was not run', (_, change) => {
    const changed: RobustnessFigures = {
      ...figures,
      sims: [{ name: 'a', part: { kind: 'notRun', why: 'b' } }],
      ...change,
    };
    expect(overallVerdict(changed)).toBe('Fail');
  });
});

describe('the cases of the contract suites', () => {
  const versions = { nats: '2.99.0', postgres: '15.1', pglite: '0.5', apiServer: '1.99' };
  const test = (titles: readonly string[], status: string) => ({
    ancestorTitles: titles,
    title: 'x',
    status,
    failureMessages: status === 'failed' ? ['expected 1 to be 2\n  at y'] : [],
  });
  const file = (name: string, ...assertionResults: readonly object[]) => ({
    name: `/root/${name}`,
    assertionResults,
  });
  const run = (nats: string, ...testResults: readonly object[]) => ({
    json: { testResults },
    versions: { ...versions, nats },
    root: '/root',
  });

  it('are counted by suite and by what they ran on, at any depth', () => {
    const { cases, failures } = contractFiguresOf([
      run(
        '2.99.0',
        file('a.test.ts', test(['outer', 'the simulated bus as a broker', 'inner'], 'passed')),
        file('b.int.test.ts', test(['NATS as a broker'], 'passed'), test(['NATS as a broker'], 'failed')),
        file('c.int.test.ts', test(['something else'], 'passed'), test(['Redis as a cache'], 'skipped')),
      ),
    ]);
    expect(cases).toEqual([
      { suite: 'message broker', implementation: 'the simulated bus', isFake: true, passed: 1, failed: 0 },
      { suite: 'message broker', implementation: 'nats-server 2.99.0', isFake: false, passed: 1, failed: 1 },
    ]);
    expect(failures).toEqual([
      { what: 'NATS as a broker > x', on: 'nats-server 2.99.0', why: 'expected 1 to be 2' },
    ]);
  });

  it('count once what ran again beside a server of another version', () => {
    const results = file(
      'b.int.test.ts',
      test(['NATS as a broker'], 'passed'),
      test(['Redis as a cache'], 'passed'),
    );
    const { cases } = contractFiguresOf([run('2.99.0', results), run('2.10.0', results)]);
    expect(cases.map(({ implementation, passed }) => `${implementation}: ${passed}`)).toEqual([
      'nats-server 2.99.0: 1',
      'Redis: 1',
      'nats-server 2.10.0: 1',
    ]);
  });

  it('take a file that ran no case as not run', () => {
    const broken = { ...file('b.int.test.ts'), message: 'nats-server is missing\n  at x' };
    expect(contractFiguresOf([run('2.99.0', broken)]).notRun).toEqual([
      { what: 'b.int.test.ts', why: 'nats-server is missing' },
    ]);
  });
});
