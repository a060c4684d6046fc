import { hostReplacements } from '@sagamesh/charts/host-replacements';
import { environmentNames, environments, kustomization, synthesize } from '@sagamesh/charts/synthesize';
import { orderSagaCrd } from '@sagamesh/contracts/order-saga-crd';
import type { EnvironmentName } from '@sagamesh/charts/environment';
import { asyncApi } from './asyncapi.ts';
import { messageSchemas } from './message-schemas.ts';
import { namespaces, operatorRbac, userRoles } from './operator-rbac.ts';
import { sampleOrders } from './sample-orders.ts';
import { jsonFile, yamlFile, type GeneratedFile } from './yaml-file.ts';

const generatedFrom = (source: string) => `Generated from ${source} by \`make synth\`; change it there.`;

/** Folders in which every file is generated: whatever else stands there is left over. */
export const generatedFolders: readonly string[] = [
  'manifests/crd',
  'manifests/operator',
  'manifests/samples',
  ...environmentNames.map((name) => `manifests/${name}`),
  'manifests/production-hosts',
  'docs/schemas',
];

/** Every committed file that is made from the contracts and the charts. Pure and deterministic. */
export function generatedFiles(): readonly GeneratedFile[] {
  return [
    yamlFile('manifests/crd/ordersagas.yaml', generatedFrom('packages/contracts/src/order-saga.ts'), [
      orderSagaCrd(),
    ]),
    yamlFile(
      'manifests/operator/namespace.yaml',
      generatedFrom('tools/build/src/operator-rbac.ts'),
      namespaces(),
    ),
    yamlFile('manifests/operator/rbac.yaml', generatedFrom('tools/build/src/operator-rbac.ts'), [
      ...operatorRbac(),
      ...userRoles(),
    ]),
    folderFile('manifests/crd', ['ordersagas.yaml']),
    // Without namespace.yaml: each environment has its own.
    folderFile('manifests/operator', ['rbac.yaml']),
    ...environmentNames.flatMap(environmentFiles),
    yamlFile(
      'manifests/production-hosts/kustomization.yaml',
      `For overlays of manifests/production: see examples/existing-cluster.\n${generatedFrom('charts/src/host-replacements.ts')}`,
      [hostReplacements(environments.production)],
    ),
    ...sampleOrders.map(({ name, comment, saga }) =>
      yamlFile(
        `manifests/samples/${name}.yaml`,
        `${comment}\n${generatedFrom('tools/build/src/sample-orders.ts')}`,
        [saga],
      ),
    ),
    ...messageSchemas().map(({ name, schema }) => jsonFile(`docs/schemas/${name}.schema.json`, schema)),
    yamlFile('docs/schemas/asyncapi.yaml', generatedFrom('packages/contracts/src'), [asyncApi()]),
  ];
}

function environmentFiles(name: EnvironmentName): readonly GeneratedFile[] {
  const files = synthesize(name);
  const source = generatedFrom('charts/src');
  return [
    ...files.map(({ path, objects, optional }) =>
      yamlFile(
        path,
        optional ? `Not in the kustomization: apply it where its kinds are known.\n${source}` : source,
        objects,
      ),
    ),
    yamlFile(`manifests/${name}/kustomization.yaml`, source, [kustomization(files)]),
  ];
}

/** Lets an overlay take the whole folder: kustomize does not take single files from elsewhere. */
function folderFile(folder: string, resources: readonly string[]): GeneratedFile {
  return yamlFile(`${folder}/kustomization.yaml`, generatedFrom('tools/build/src/generated-files.ts'), [
    { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources },
  ]);
}
