import { delimiter, dirname } from 'node:path';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import type { System } from '@sagamesh/sandbox/system/system';

/** The next commands of somebody who has just seen it start. */
export async function howToLookAround(system: System): Promise<string[]> {
  const folder = dirname(await resolveBinary('kubectl'));
  const onPath = (process.env['PATH'] ?? '').split(delimiter).includes(folder);
  return [
    'Look around (while it is up):',
    `  export KUBECONFIG=${system.controlPlane.adminKubeconfig}`,
    ...(onPath ? [] : [`  export PATH=${folder}:$PATH   # a kubectl that fits this API server`]),
    '  kubectl get osaga -n shop',
    '  kubectl apply -n shop -f manifests/samples/good-order.yaml',
    '  kubectl describe osaga -n shop order-1001',
    `  curl ${system.url('order')}/health`,
    `  curl ${system.url('payment-provider')}/ledger`,
    `  curl ${system.url('smtp-sink')}/mails`,
  ];
}
