import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { production } from './environments/production.ts';
import { hostKeys } from './host-replacements.ts';
import type { KubeObject } from './kube-object.ts';
import { controllersOf, nameOf } from './testing/manifest-view.ts';

/** The overlay that people copy, as kubectl reads it. */

const hostsFile = z.object({ data: z.record(z.string(), z.string()) });
const folder = fileURLToPath(new URL('../../examples/existing-cluster', import.meta.url));

it('an overlay says each host once, and no host of the example is left anywhere', async () => {
  const kubectl = await resolveBinary('kubectl');
  const { data: given } = hostsFile.parse(parse(readFileSync(`${folder}/hosts.yaml`, 'utf8')));
  expect(Object.keys(given).toSorted()).toEqual(Object.keys(hostKeys(production)).toSorted());
  const text = execFileSync(kubectl, ['kustomize', folder], { encoding: 'utf8' });
  expect(text).not.toContain('example.com');
  for (const host of Object.values(given)) expect(text).toContain(host);
  const objects = parseAllDocuments(text).map((document): KubeObject => document.toJS());
  expect(objects.length).toBeGreaterThan(100);
  expect(objects.map(nameOf)).not.toContain('ConfigMap hosts');
  const images = controllersOf(objects).flatMap(({ template }) =>
    template.spec.containers.map(({ image }) => image),
  );
  expect(images.filter((image) => image !== 'auto' && !image.startsWith('registry.corp.test/'))).toEqual([]);
});
