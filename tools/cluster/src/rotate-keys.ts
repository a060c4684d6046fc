import { setTimeout as delay } from 'node:timers/promises';
import {
  addNextKey,
  dropExpired,
  firstSigningKeys,
  promoteNextKey,
  signingKeyOf,
} from '@sagamesh/contracts/signing-keys';
import type { SigningKeys } from '@sagamesh/contracts/signing-keys';
import { namespaces } from '@sagamesh/charts/topology';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { newSigningKey } from '@sagamesh/sandbox/new-signing-key';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { z } from 'zod';
import { signingKeysSecret } from './cluster-secrets.ts';
import { publishKeys, readKeys } from './token-keys.ts';
import {
  gatewaysThatVerify,
  keyPodsSchema,
  knowsAll,
  servicesThatSign,
  servicesThatVerify,
  signsWith,
} from './verifiers.ts';
import type { KeyHolder, KeyPod } from './verifiers.ts';

/**
 * Exchanges the key that tokens are signed with, without a moment in which a good token is refused. All state is in the Secret, written only
 * where it is as it was read, so it may be interrupted anywhere and run again: it goes on, or does another exchange.
 */

export interface RotationOptions {
  readonly kubectl: Kubectl;
  readonly note: (line: string) => void;
  readonly timeoutSeconds: number;
  /** How long a service may take to look at its file again: they do once a second. */
  readonly settleMillis: number;
}

/** The `kid` that signs afterwards. */
export async function rotateKeys(options: RotationOptions): Promise<string> {
  const { kubectl, note } = options;
  const first = await makeFirstKey(kubectl);
  if (first !== undefined) {
    note('there was no key: made the first one');
    return first;
  }
  const tokenTtlSeconds = await readTokenTtl(kubectl);
  const before = await readKeys(kubectl);
  const kept = dropExpired(before.keys, Date.now(), tokenTtlSeconds);
  const dropped = before.keys.keys.length - kept.keys.length;
  if (dropped > 0) note(`${dropped} retired, no token of theirs can be alive: dropped`);
  const withNext = addNextKey(kept, newSigningKey(Date.now()));
  await before.replace(withNext);
  const next = nextKidOf(withNext);
  note(`next key ${next}`);

  await publishKeys(kubectl, withNext);
  await untilVerified(options, withNext);
  await delay(options.settleMillis);

  const stored = await readKeys(kubectl);
  if (nextKidOf(stored.keys) !== next)
    throw new SetupError('another exchange of keys went on at the same time. Nothing is lost; run it again.');
  const promoted = promoteNextKey(stored.keys, Date.now());
  await stored.replace(promoted);
  const { kid } = signingKeyOf(promoted);
  note(
    `${kid} signs from now on; the one before is good for ${tokenTtlSeconds} s and some more, a later run drops it`,
  );
  await untilSigned(options, kid);
  await delay(options.settleMillis);
  return kid;
}

function nextKidOf({ keys }: SigningKeys): string | undefined {
  return keys.find(({ state }) => state === 'next')?.kid;
}

/** For an installation that has none yet, before its pods start. Undefined when there are keys. */
async function makeFirstKey(kubectl: Kubectl): Promise<string | undefined> {
  const { namespace, name, key } = signingKeysSecret;
  const found = await kubectl(['get', 'secret', '-n', namespace, name, '-o', 'name']);
  if (found.code === 0 || !/NotFound/.test(found.stderr)) return undefined;
  const keys = firstSigningKeys(newSigningKey(Date.now()));
  const data = { [key]: JSON.stringify(keys, null, 2) };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    type: 'Opaque',
    stringData: data,
  };
  await mustRun(kubectl, ['create', '-f', '-'], JSON.stringify(secret));
  await publishKeys(kubectl, keys);
  return signingKeyOf(keys).kid;
}

const deploymentSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
          }),
        ),
      }),
    }),
  }),
});

/** Of the user service as it is deployed; its default otherwise. */
async function readTokenTtl(kubectl: Kubectl): Promise<number> {
  const text = await mustRun(kubectl, ['get', 'deployment', '-n', namespaces.shop, 'user', '-o', 'json']);
  const { containers } = deploymentSchema.parse(JSON.parse(text)).spec.template.spec;
  const value = containers.flatMap(({ env }) => env).find(({ name }) => name === 'TOKEN_TTL_SECONDS')?.value;
  return Number(value ?? 3_600);
}

async function untilVerified(options: RotationOptions, keys: SigningKeys): Promise<void> {
  const kids = keys.keys.map(({ kid }) => kid);
  await until(
    options,
    'the verifiers to know the new key',
    async () => {
      const shop = await readPods(options.kubectl, namespaces.shop);
      const gateways = await readPods(options.kubectl, namespaces.gateway, 'app=gateway');
      return [...servicesThatVerify(shop), ...gatewaysThatVerify(gateways)];
    },
    (text) => knowsAll(text, kids),
  );
}

async function untilSigned(options: RotationOptions, kid: string): Promise<void> {
  await until(
    options,
    'the user service to sign with it',
    async () => servicesThatSign(await readPods(options.kubectl, namespaces.shop), signingKeysSecret.name),
    (text) => signsWith(text, kid),
  );
}

async function readPods(kubectl: Kubectl, namespace: string, selector?: string): Promise<readonly KeyPod[]> {
  const which = selector === undefined ? [] : ['-l', selector];
  const { code, stdout } = await kubectl(['get', 'pods', '-n', namespace, ...which, '-o', 'json']);
  return code === 0 ? keyPodsSchema.parse(JSON.parse(stdout)).items : [];
}

/** Looks at all of them each time: pods come and go while we wait. */
async function until(
  { kubectl, note, timeoutSeconds }: RotationOptions,
  what: string,
  findHolders: () => Promise<readonly KeyHolder[]>,
  isThere: (text: string) => boolean,
): Promise<void> {
  const endMillis = performance.now() + timeoutSeconds * 1_000;
  const nudged = new Set<string>();
  for (;;) {
    const holders = await findHolders();
    const behind: KeyHolder[] = [];
    for (const holder of holders) {
      const { code, stdout } = await kubectl(['exec', '-n', holder.namespace, holder.pod, ...holder.command]);
      if (code !== 0 || !isThere(stdout)) behind.push(holder);
    }
    if (behind.length === 0) {
      note(`${holders.length} asked for ${what}: all do`);
      return;
    }
    if (performance.now() > endMillis) {
      const names = behind.map(({ namespace, pod }) => `${namespace}/${pod}`).join(', ');
      throw new SetupError(
        `waited ${timeoutSeconds} s in vain for ${what}: ${names}. Nothing is lost; run it again.`,
      );
    }
    for (const { namespace, pod } of behind.filter((one) => !nudged.has(one.pod))) {
      // A change of the pod makes its kubelet look at the mounted files now, and not within its minute or two.
      await kubectl([
        'annotate',
        'pod',
        '-n',
        namespace,
        pod,
        '--overwrite',
        `sagamesh.dev/keys-looked-at=${Date.now()}`,
      ]);
      nudged.add(pod);
    }
    await delay(1_000);
  }
}
