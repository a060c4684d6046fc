import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { allMutants } from './all-mutants.ts';

const repository = new URL('../../../../', import.meta.url);
const cases = allMutants.flatMap(({ id, patches }) => patches.map((patch) => ({ id, ...patch })));

describe('seeded bugs', () => {
  it.each(cases)('$id fits $file in exactly one place', ({ file, find, replace }) => {
    const source = readFileSync(fileURLToPath(new URL(file, repository)), 'utf8');
    expect(source.split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });
});
