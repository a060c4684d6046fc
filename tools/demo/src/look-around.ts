import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import type { System } from '@sagamesh/sandbox/system/system';

/** The next commands of somebody who has just seen the demo. */
export function howToLookAround(system: System): string[] {
  return [
    'Look around (while it is up):',
    `  export KUBECONFIG=${system.controlPlane.adminKubeconfig}`,
    '  kubectl get osaga -n shop',
    '  kubectl describe osaga -n shop order-1001',
    `  curl ${system.url('order')}/health`,
    `  curl ${system.url('payment-provider')}/ledger`,
    `  curl ${system.url('smtp-sink')}/mails`,
  ];
}

/** kubectl may be ours, from the cache, and not on anybody's PATH. */
export async function kubectlHint(): Promise<string> {
  return `  alias kubectl=${await resolveBinary('kubectl')}`;
}
