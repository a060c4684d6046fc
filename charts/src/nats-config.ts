import { brokerAccesses } from '@sagamesh/contracts/broker-access';
import { natsAuthorization, passwordFromEnvironment } from '@sagamesh/contracts/nats-authorization';
import { hostOf, namespaces, natsPeersService, ports } from './topology.ts';

/** The server's configuration file. Passwords are variables of its environment: the file itself is no secret. */

export interface NatsConfigOptions {
  readonly replicas: 1 | 3;
  readonly syncAlways: boolean;
  readonly maxStore: string;
}

export function natsConfig(options: NatsConfigOptions): string {
  const sync = options.syncAlways ? ['  sync_interval: always'] : [];
  return [
    'server_name: $POD_NAME',
    `port: ${ports.nats.number}`,
    `http_port: ${ports.natsMonitor.number}`,
    'jetstream {',
    '  store_dir: /data',
    // Each service's cache reserves 16 MiB; room for as many again.
    '  max_memory_store: 128MB',
    `  max_file_store: ${options.maxStore}`,
    ...sync,
    '}',
    ...(options.replicas === 1 ? [] : clusterBlock(options.replicas)),
    natsAuthorization(brokerAccesses, passwordFromEnvironment),
  ].join('\n');
}

function clusterBlock(replicas: number): readonly string[] {
  const peers = Array.from({ length: replicas }, (_, index) => {
    const host = `nats-${index}.${hostOf({ name: natsPeersService, namespace: namespaces.shop })}`;
    return `    nats-route://${host}:${ports.natsCluster.number}`;
  });
  return [
    'cluster {',
    '  name: sagamesh',
    `  port: ${ports.natsCluster.number}`,
    // Clients know the Service; the pods' addresses are nothing that the mesh lets them call.
    '  no_advertise: true',
    '  routes: [',
    ...peers,
    '  ]',
    '}',
  ];
}
