import { randomBytes } from 'node:crypto';
import { brokerAccesses } from '@sagamesh/contracts/broker-access';
import { firstSigningKeys } from '@sagamesh/contracts/signing-keys';
import { namespaces } from '@sagamesh/charts/topology';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { newSigningKey } from '@sagamesh/sandbox/new-signing-key';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { generate } from 'selfsigned';
import { z } from 'zod';
import { planSecrets, secretObject } from '../cluster-secrets.ts';
import { decoded, readSecret } from '../secret-store.ts';

/** Makes the Secrets that are missing; those that are there are read and left as they are. */
export async function makeSecrets(kubectl: Kubectl): Promise<string> {
  const existing = await readSecrets(kubectl);
  // Only made when it is needed: it takes a moment, and the plan is pure.
  const pair = existing.has(`${namespaces.gateway}/gateway-tls`) ? undefined : await selfSigned();
  const plan = planSecrets(
    existing,
    brokerAccesses.map(({ name }) => name),
    {
      password: newPassword,
      certificate: () => pair ?? { certificate: '', privateKey: '' },
      signingKeys: () => JSON.stringify(firstSigningKeys(newSigningKey(Date.now())), null, 2),
    },
  );
  if (plan.problems.length > 0) throw new SetupError(plan.problems.join('\n'));
  if (plan.create.length > 0)
    await mustRun(kubectl, ['create', '-f', '-'], listOf(plan.create.map(secretObject)));
  for (const { namespace, name, data } of plan.complete) {
    const secret = await readSecret(kubectl, namespace, name);
    await secret.replace({ ...secret.data, ...data });
  }
  return `${plan.create.length} made, ${existing.size} kept${plan.complete.length > 0 ? `, ${plan.complete.length} completed` : ''}`;
}

export function listOf(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

const secretsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      type: z.string().optional(),
      data: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

async function readSecrets(kubectl: Kubectl): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const found = new Map<string, Readonly<Record<string, string>>>();
  for (const namespace of [namespaces.shop, namespaces.system, namespaces.gateway]) {
    const text = await mustRun(kubectl, ['get', 'secrets', '-n', namespace, '-o', 'json']);
    for (const { metadata, data } of secretsSchema.parse(JSON.parse(text)).items) {
      found.set(`${metadata.namespace}/${metadata.name}`, decoded(data));
    }
  }
  return found;
}

/** 160 bits. Begins with a letter, because NATS reads what begins with a digit as a number. */
function newPassword(): string {
  return `p${randomBytes(20).toString('hex')}`;
}

/** For this machine only: whoever calls from elsewhere brings a certificate of their own. */
async function selfSigned(): Promise<{ readonly certificate: string; readonly privateKey: string }> {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 365 * 24 * 3_600_000),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { certificate: made.cert, privateKey: made.private };
}
