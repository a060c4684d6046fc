import { publicJwks, signingKeysSchema } from '@sagamesh/contracts/signing-keys';
import type { SigningKeys } from '@sagamesh/contracts/signing-keys';
import { jwksConfigMap, requestAuthentication } from '@sagamesh/charts/request-authentication';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { z } from 'zod';
import { signingKeysSecret } from './cluster-secrets.ts';
import { listOf } from './tasks/make-secrets.ts';

/** The signing keys in a cluster: the Secret that holds them, and the two places where verifiers find their public halves. */

export interface StoredKeys {
  readonly keys: SigningKeys;
  readonly resourceVersion: string;
}

const secretSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).default({}),
});

const { namespace, name, key } = signingKeysSecret;

export async function readKeys(kubectl: Kubectl): Promise<StoredKeys> {
  const text = await mustRun(kubectl, ['get', 'secret', '-n', namespace, name, '-o', 'json']);
  const { metadata, data } = secretSchema.parse(JSON.parse(text));
  const stored = Buffer.from(data[key] ?? '', 'base64').toString();
  const keys = signingKeysSchema.safeParse(parseJson(stored));
  if (!keys.success) {
    const problems = keys.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new SetupError(`Secret ${namespace}/${name}, ${key} is no key set:\n${problems.join('\n')}`);
  }
  return { keys: keys.data, resourceVersion: metadata.resourceVersion };
}

/** Refused by the API server when somebody changed the Secret since it was read: two rotations at once must not undo each other. */
export async function storeKeys(kubectl: Kubectl, { keys, resourceVersion }: StoredKeys): Promise<void> {
  const patch = {
    metadata: { resourceVersion },
    data: { [key]: Buffer.from(JSON.stringify(keys, null, 2)).toString('base64') },
  };
  // By standard input: the arguments of a process are everybody's to read.
  const args = ['patch', 'secret', '-n', namespace, name, '--type=merge', '--patch-file', '/dev/stdin'];
  await mustRun(kubectl, args, JSON.stringify(patch));
}

/** To the services by ConfigMap, to the gateway by RequestAuthentication, where there is a mesh. */
export async function publishKeys(kubectl: Kubectl, keys: SigningKeys): Promise<void> {
  const jwks = publicJwks(keys);
  const mesh = await kubectl(['get', 'crd', 'requestauthentications.security.istio.io', '-o', 'name']);
  const objects = [jwksConfigMap(jwks), ...(mesh.code === 0 ? [requestAuthentication(jwks)] : [])];
  await mustRun(kubectl, ['apply', '-f', '-'], listOf(objects));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
