import { describe, expect, it } from 'vitest';
import type { EnvironmentName } from '../environment.ts';
import type { KubeObject } from '../kube-object.ts';
import { environments, synthesize } from '../synthesize.ts';
import { mutated } from './mutant.ts';
import { mutants } from './mutants.ts';
import { properties } from './properties.ts';

const objects = (name: EnvironmentName) => synthesize(name).flatMap((file) => file.objects);
const objectsOf: Readonly<Record<EnvironmentName, readonly KubeObject[]>> = {
  kind: objects('kind'),
  production: objects('production'),
  local: objects('local'),
};

/** The judge judged: each property notices each mistake that it is there for, and has seen one. */

describe.each(properties)('$name', ({ name, check }) => {
  const mine = mutants.filter(({ breaks }) => name.startsWith(breaks));

  it('has a mistake that breaks it', () => {
    expect(mine.length).toBeGreaterThan(0);
  });

  it.each(mine)('notices: $mistake', (mutant) => {
    const whole = objectsOf[mutant.environment];
    expect(check(whole, environments[mutant.environment]).problems).toEqual([]);
    expect(check(mutated(whole, mutant), environments[mutant.environment]).problems).not.toEqual([]);
  });

  it('looks at nothing where there is nothing, and says so', () => {
    // What the topology asks for is missing then, and that is a problem of its own.
    const { evaluated, problems } = check([], environments.kind);
    expect(evaluated === 0 || problems.length > 0).toBe(true);
  });
});

it('every mistake belongs to a property', () => {
  const stray = mutants.filter(
    ({ breaks }) => properties.filter(({ name }) => name.startsWith(breaks)).length !== 1,
  );
  expect(stray).toEqual([]);
});
