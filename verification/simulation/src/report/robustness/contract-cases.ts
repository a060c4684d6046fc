import { z } from 'zod';
import { contractSuites, implementationOf, serverTests } from './contract-suites.ts';
import type { ServerVersions } from './contract-suites.ts';
import type { ContractFigures } from './figures.ts';

/** From what vitest's JSON reporter writes to the cases of each contract suite. */

const vitestSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()),
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).default([]),
        }),
      ),
    }),
  ),
});

type Case = ContractFigures['cases'][number];

export interface VitestRun {
  readonly json: unknown;
  readonly versions: ServerVersions;
  /** Cut off the names of test files. */
  readonly root: string;
}

/** Cases that vitest skipped do not count. Throws when the JSON is not vitest's. */
export function contractFiguresOf(runs: readonly VitestRun[]): ContractFigures {
  const cases = new Map<string, Case>();
  const failures: ContractFigures['failures'][number][] = [];
  const notRun: ContractFigures['notRun'][number][] = [];
  for (const { json, versions, root } of runs) {
    // The same thing again, beside a server of another version.
    const seenBefore = new Set(cases.keys());
    for (const { name, message, assertionResults } of vitestSchema.parse(json).testResults) {
      const file = name.replace(`${root}/`, '');
      if (assertionResults.length === 0) notRun.push({ what: file, why: firstLine(message) });
      for (const { ancestorTitles, title, status, failureMessages } of assertionResults) {
        const place = placeOf(file, ancestorTitles, versions);
        if (place === undefined || (status !== 'passed' && status !== 'failed')) continue;
        const key = `${place.suite}/${place.implementation}`;
        if (seenBefore.has(key)) continue;
        const known = cases.get(key) ?? { ...place, passed: 0, failed: 0 };
        cases.set(key, { ...known, [status]: known[status] + 1 });
        if (status === 'passed') continue;
        const what = [...ancestorTitles, title].join(' > ');
        failures.push({ what, on: place.implementation, why: firstLine(failureMessages[0]) });
      }
    }
  }
  return { cases: [...cases.values()], failures, notRun };
}

function placeOf(file: string, titles: readonly string[], versions: ServerVersions) {
  for (const { title: suite, pattern } of contractSuites) {
    for (const title of titles) {
      const name = pattern.exec(title)?.[1];
      if (name === undefined) continue;
      return { suite, ...implementationOf(name, versions) };
    }
  }
  const test = serverTests.find((each) => each.file === file);
  return test === undefined ? undefined : { suite: test.title, ...implementationOf(test.on, versions) };
}

function firstLine(text = ''): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? 'it ended without a case';
}
