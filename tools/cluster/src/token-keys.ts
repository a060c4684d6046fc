import { publicJwks, signingKeysSchema } from '@sagamesh/contracts/signing-keys';
import type { SigningKeys } from '@sagamesh/contracts/signing-keys';
import { jwksConfigMap, requestAuthentication } from '@sagamesh/charts/request-authentication';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { signingKeysSecret } from './cluster-secrets.ts';
import { readSecret } from './secret-store.ts';
import { listOf } from './tasks/make-secrets.ts';

/** The signing keys in a cluster: the Secret that holds them, and the two places where verifiers find their public halves. */

export interface StoredKeys {
  readonly keys: SigningKeys;
  /** Refused when somebody changed them since they were read: two rotations at once must not undo each other. */
  readonly replace: (keys: SigningKeys) => Promise<void>;
}

export async function readKeys(kubectl: Kubectl): Promise<StoredKeys> {
  const { namespace, name, key } = signingKeysSecret;
  const secret = await readSecret(kubectl, namespace, name);
  const keys = signingKeysSchema.safeParse(parseJson(secret.data[key] ?? ''));
  if (!keys.success) {
    const problems = keys.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new SetupError(`Secret ${namespace}/${name}, ${key} is no key set:\n${problems.join('\n')}`);
  }
  return {
    keys: keys.data,
    replace: (changed) => secret.replace({ ...secret.data, [key]: JSON.stringify(changed, null, 2) }),
  };
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
