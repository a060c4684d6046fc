import { orderSagaCrd } from '@sagamesh/contracts/order-saga-crd';
import { asyncApi } from './asyncapi.ts';
import { messageSchemas } from './message-schemas.ts';
import { namespaces, operatorRbac, userRoles } from './operator-rbac.ts';
import { sampleOrders } from './sample-orders.ts';
import { jsonFile, yamlFile, type GeneratedFile } from './yaml-file.ts';

const generatedFrom = (source: string) => `Generated from ${source} by \`make manifests\`; change it there.`;

/** Folders in which every file is generated: whatever else stands there is left over. */
export const generatedFolders = ['manifests/crd', 'manifests/samples', 'docs/schemas'] as const;

/** Every committed file that is made from the contracts. Pure and deterministic. */
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
