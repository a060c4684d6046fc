import { z } from 'zod';

/**
 * Who checks tokens in a cluster, and where each has its keys: pods that mount the ConfigMap `jwks`, and the gateway's proxies. Who signs them: pods
 * that mount the Secret. Pure: from the API server's JSON to commands.
 */

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    volumes: z
      .array(
        z.object({
          name: z.string(),
          configMap: z.object({ name: z.string() }).optional(),
          secret: z.object({ secretName: z.string() }).optional(),
        }),
      )
      .default([]),
    containers: z.array(
      z.object({
        name: z.string(),
        volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]),
      }),
    ),
  }),
  status: z.object({ phase: z.string() }),
});
export const keyPodsSchema = z.object({ items: z.array(podSchema) });
export type KeyPod = z.infer<typeof podSchema>;

/** Prints what somebody knows of the keys. */
export interface KeyHolder {
  readonly pod: string;
  readonly namespace: string;
  /** For `kubectl exec -n <namespace> <pod>`. */
  readonly command: readonly string[];
}

/** With Node, which every image of ours has; some have nothing else. */
function printing(pod: KeyPod, container: string, file: string): KeyHolder {
  const { name, namespace } = pod.metadata;
  const print = `process.stdout.write(require('fs').readFileSync(${JSON.stringify(file)}))`;
  return { pod: name, namespace, command: ['-c', container, '--', 'node', '-e', print] };
}

function mounting(
  pods: readonly KeyPod[],
  isIt: (volume: KeyPod['spec']['volumes'][number]) => boolean,
  file: string,
): readonly KeyHolder[] {
  return pods.filter(isAlive).flatMap((pod) => {
    const volumes = pod.spec.volumes.filter(isIt).map(({ name }) => name);
    return pod.spec.containers.flatMap((container) =>
      container.volumeMounts
        .filter(({ name }) => volumes.includes(name))
        .map(({ mountPath }) => printing(pod, container.name, `${mountPath}/${file}`)),
    );
  });
}

function isAlive({ metadata, status }: KeyPod): boolean {
  return metadata.deletionTimestamp === undefined && status.phase === 'Running';
}

export function servicesThatVerify(pods: readonly KeyPod[]): readonly KeyHolder[] {
  return mounting(pods, ({ configMap }) => configMap?.name === 'jwks', 'jwks.json');
}

export function servicesThatSign(pods: readonly KeyPod[], secretName: string): readonly KeyHolder[] {
  return mounting(pods, ({ secret }) => secret?.secretName === secretName, 'keys.json');
}

/** The keys stand in the listeners of the proxy's own configuration. */
export function gatewaysThatVerify(pods: readonly KeyPod[]): readonly KeyHolder[] {
  const dump = 'config_dump?resource=dynamic_listeners';
  return pods.filter(isAlive).map(({ metadata: { name, namespace } }) => ({
    pod: name,
    namespace,
    command: ['-c', 'istio-proxy', '--', 'pilot-agent', 'request', 'GET', dump],
  }));
}

/** Every `kid` is there. They are random, so a plain search finds nothing else, however the JSON around them is quoted. */
export function knowsAll(text: string, kids: readonly string[]): boolean {
  return kids.every((kid) => text.includes(kid));
}

const signingSchema = z.object({ keys: z.array(z.object({ kid: z.string(), state: z.string() })) });

export function signsWith(text: string, kid: string): boolean {
  const parsed = signingSchema.safeParse(JSON.parse(text));
  return parsed.data?.keys.some((key) => key.kid === kid && key.state === 'signing') ?? false;
}
