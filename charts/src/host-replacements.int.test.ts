import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
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

it('an overlay may say another host than the example for each of them', async () => {
  const kubectl = await resolveBinary('kubectl');
  const overlay = mkdtempSync(join(realpathSync(tmpdir()), 'overlay-'));
  const manifests = relative(overlay, fileURLToPath(new URL('../../manifests', import.meta.url)));
  const before = hostKeys(production);
  const data = Object.fromEntries(Object.keys(before).map((key) => [key, `${key}.else.test`]));
  const files = {
    'hosts.yaml': {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'hosts', annotations: { 'config.kubernetes.io/local-config': 'true' } },
      data,
    },
    'kustomization.yaml': {
      resources: [join(manifests, 'production'), 'hosts.yaml'],
      components: [join(manifests, 'production-hosts')],
    },
  };
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(overlay, name), stringify(content));
    const text = execFileSync(kubectl, ['kustomize', overlay], { encoding: 'utf8' });
    for (const host of Object.values(before)) expect(text).not.toContain(host);
    for (const host of Object.values(data)) expect(text).toContain(host);
  } finally {
    rmSync(overlay, { recursive: true });
  }
});
