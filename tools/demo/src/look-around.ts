import { delimiter, dirname } from 'node:path';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { sandboxAdmin } from '@sagamesh/sandbox/system/process-catalog';
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
    ...placeAnOrder(system),
    `  curl ${system.url('payment-provider')}/ledger`,
    `  curl ${system.url('smtp-sink')}/mails`,
  ];
}

/** As a customer does: through the gateway, or where there is none by the services' own ports. */
function placeAnOrder(system: System): string[] {
  const users = `${system.gateway?.url ?? system.url('user')}/api/v1/users`;
  const orders = `${system.gateway?.url ?? system.url('order')}/api/v1/orders`;
  const json = `-H 'content-type: application/json'`;
  const me = { email: 'me@example.org', password: 'twelve letters or more' };
  const order = { items: [{ sku: 'BULK', quantity: 1 }], paymentMethod: 'pm_card_visa' };
  const tokenOf = (credentials: typeof me) =>
    `$(curl -s ${users}/token ${json} -d '${JSON.stringify(credentials)}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`;
  return [
    system.gateway === undefined
      ? 'Order something (there is no gateway, so no rate limits: these are the ports of the services themselves):'
      : 'Order something, through the gateway (100 requests a minute for orders, 200 for users):',
    `  curl -i ${users} -H 'idempotency-key: "me"' ${json} -d '${JSON.stringify({ name: 'Me', ...me })}'`,
    `  TOKEN=${tokenOf(me)}`,
    `  curl -i ${orders} -H "authorization: Bearer $TOKEN" -H 'idempotency-key: "my-first"' ${json} -d '${JSON.stringify(order)}'`,
    `  curl ${orders} -H "authorization: Bearer $TOKEN"`,
    `  curl ${users} -H "authorization: Bearer ${tokenOf(sandboxAdmin)}"   # everybody, as the administrator`,
  ];
}
