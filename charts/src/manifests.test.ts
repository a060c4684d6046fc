import { afterAll, describe, expect, it } from 'vitest';
import { environmentNames, environments, kustomization, synthesize } from './synthesize.ts';
import { properties } from './testing/properties.ts';

/** Every property, on every manifest of every environment. Each says how much it looked at, and fails when that was nothing. */

const evaluated: string[] = [];

afterAll(() => {
  process.stdout.write(`${evaluated.join('\n')}\n`);
});

describe.each(environmentNames)('the manifests of %s', (name) => {
  const environment = environments[name];
  const objects = synthesize(name).flatMap((file) => file.objects);

  it.each(properties.filter(({ needsMesh }) => environment.mesh || needsMesh !== true))(
    '$name',
    (property) => {
      const verdict = property.check(objects, environment);
      evaluated.push(
        `${name}: ${property.name}: ${verdict.evaluated} evaluated of ${objects.length} objects`,
      );
      expect(verdict.problems).toEqual([]);
      expect(verdict.evaluated).toBeGreaterThan(0);
    },
  );

  it('are all in the folder and in the list that kubectl takes them from', () => {
    const files = synthesize(name);
    expect(files.every(({ path }) => path.startsWith(`manifests/${name}/`))).toBe(true);
    const applied = files.filter(({ optional }) => optional !== true);
    expect(kustomization(files)).toHaveProperty('resources.length', applied.length + 2);
    expect(files.length - applied.length).toBe(environment.serviceMonitors ? 1 : 0);
  });
});
