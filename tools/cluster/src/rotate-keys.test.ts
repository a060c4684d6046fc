import { addNextKey, promoteNextKey, publicJwks, signingKeysSchema } from '@sagamesh/contracts/signing-keys';
import type { Kubectl, KubectlResult } from '@sagamesh/sandbox/kubectl';
import { newSigningKey } from '@sagamesh/sandbox/new-signing-key';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rotateKeys } from './rotate-keys.ts';

/** A cluster that keeps a Secret and what was published, mounts both at once, and can be interrupted at any call. */
class FakeCluster {
  secret: string | undefined;
  version = 1;
  published = '{"keys":[]}';
  calls = 0;
  /** The call at which somebody presses Ctrl-C, before or after it took effect. */
  interruption: { readonly call: number; readonly when: 'before' | 'after' } | undefined;
  /** Each key that signed, and whether every verifier knew it then. */
  readonly signed: { readonly kid: string; readonly known: boolean }[] = [];

  readonly kubectl: Kubectl = async (args, input = '') => {
    this.calls += 1;
    const due = this.interruption?.call === this.calls ? this.interruption.when : undefined;
    if (due === 'before') throw new Error('interrupted');
    const result = this.answer(args, input);
    if (due === 'after') throw new Error('interrupted');
    return result;
  };

  keys() {
    return signingKeysSchema.parse(JSON.parse(this.secret ?? '{}')).keys;
  }

  kids(state?: string): readonly string[] {
    return this.keys()
      .filter((key) => state === undefined || key.state === state)
      .map(({ kid }) => kid);
  }

  private answer(args: readonly string[], input: string): KubectlResult {
    const said = args.join(' ');
    if (said.startsWith('get secret')) return this.readSecret();
    if (said.startsWith('create') || said.startsWith('replace')) return this.writeSecret(input);
    if (said.startsWith('get crd')) return failed('NotFound');
    if (said.startsWith('apply')) return this.publish(input);
    if (said.startsWith('get deployment')) return ok({ spec: { template: { spec: { containers: [{}] } } } });
    if (said.startsWith('get pods -n shop')) return ok({ items: [pod] });
    if (said.startsWith('get pods')) return ok({ items: [] });
    if (said.startsWith('exec'))
      return text(said.includes('jwks.json') ? this.published : (this.secret ?? ''));
    throw new Error(`the fake knows nothing of: ${said}`);
  }

  private readSecret(): KubectlResult {
    if (this.secret === undefined) return failed('Error from server (NotFound): secrets not found');
    const data = { 'keys.json': Buffer.from(this.secret).toString('base64') };
    return ok({ metadata: { name: 'user-signing-keys', resourceVersion: String(this.version) }, data });
  }

  private writeSecret(input: string): KubectlResult {
    const { metadata, data, stringData } = secretSchema.parse(JSON.parse(input));
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== String(this.version))
      return failed('Conflict');
    this.version += 1;
    this.secret = stringData?.['keys.json'] ?? Buffer.from(data?.['keys.json'] ?? '', 'base64').toString();
    const [kid = ''] = this.kids('signing');
    this.signed.push({ kid, known: this.published.includes(kid) });
    return text('done');
  }

  private publish(input: string): KubectlResult {
    const [configMap] = listSchema.parse(JSON.parse(input)).items;
    this.published = configMap?.data['jwks.json'] ?? '';
    return text('done');
  }
}

const secretSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }),
  data: z.record(z.string(), z.string()).optional(),
  stringData: z.record(z.string(), z.string()).optional(),
});
const listSchema = z.object({ items: z.array(z.object({ data: z.record(z.string(), z.string()) })) });

const volumes = [
  { name: 'jwks', configMap: { name: 'jwks' } },
  { name: 'keys', secret: { secretName: 'user-signing-keys' } },
];
const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/etc/${name}` }));
const pod = {
  metadata: { name: 'user-1', namespace: 'shop' },
  spec: { volumes, containers: [{ name: 'user', volumeMounts }] },
  status: { phase: 'Running' },
};

const text = (stdout: string): KubectlResult => ({ code: 0, stdout, stderr: '' });
const ok = (value: unknown): KubectlResult => text(JSON.stringify(value));
const failed = (stderr: string): KubectlResult => ({ code: 1, stdout: '', stderr });

const rotate = (cluster: FakeCluster) =>
  rotateKeys({ kubectl: cluster.kubectl, note: () => undefined, timeoutSeconds: 1, settleMillis: 0 });

describe('an exchange of keys', () => {
  it('begins with a first key, which signs at once', async () => {
    const cluster = new FakeCluster();
    const kid = await rotate(cluster);
    expect(cluster.kids('signing')).toEqual([kid]);
    expect(cluster.published).toContain(kid);
  });

  it('has the next key sign, and keeps the one before for tokens that are still about', async () => {
    const cluster = new FakeCluster();
    const first = await rotate(cluster);
    const second = await rotate(cluster);
    expect(second).not.toBe(first);
    expect([cluster.kids('signing'), cluster.kids('retired')]).toEqual([[second], [first]]);
    for (const kid of [first, second]) expect(cluster.published).toContain(kid);
    expect(cluster.published).not.toContain('"d"');
  });

  it('drops a retired key when no token of it can be alive', async () => {
    const cluster = new FakeCluster();
    const first = await rotate(cluster);
    await rotate(cluster);
    const longAgo = cluster
      .keys()
      .map((key) => (key.state === 'retired' ? { ...key, retiredAt: '2020-01-01T00:00:00Z' } : key));
    cluster.secret = JSON.stringify({ keys: longAgo });
    await rotate(cluster);
    expect(cluster.kids()).not.toContain(first);
    expect(cluster.published).not.toContain(first);
  });

  it('never signs with a key that a verifier does not know, wherever it is interrupted, and ends when it is run again', async () => {
    const undisturbed = new FakeCluster();
    await rotate(undisturbed);
    const callsOfFirst = undisturbed.calls;
    await rotate(undisturbed);
    const callsOfOne = undisturbed.calls - callsOfFirst;
    expect(callsOfOne).toBeGreaterThan(8);
    for (let call = 1; call <= callsOfOne; call += 1) {
      for (const when of ['before', 'after'] as const) {
        const cluster = new FakeCluster();
        const first = await rotate(cluster);
        cluster.signed.length = 0;
        cluster.interruption = { call: cluster.calls + call, when };
        await expect(rotate(cluster), `${when} call ${call}`).rejects.toThrow('interrupted');
        const kid = await rotate(cluster);
        expect(cluster.kids('signing')).toEqual([kid]);
        expect(kid).not.toBe(first);
        expect(cluster.signed.filter(({ known }) => !known)).toEqual([]);
        expect(publicJwks({ keys: cluster.keys() }).keys.map((key) => key.kid)).toEqual(cluster.kids());
        for (const each of cluster.kids()) expect(cluster.published).toContain(each);
      }
    }
  });

  it('changes nothing when somebody else changed the keys meanwhile', async () => {
    const cluster = new FakeCluster();
    await rotate(cluster);
    const before = cluster.secret;
    const { kubectl } = cluster;
    const racing: Kubectl = async (args, input) => {
      if (args[0] === 'replace') cluster.version += 1;
      return kubectl(args, input);
    };
    await expect(
      rotateKeys({ kubectl: racing, note: () => undefined, timeoutSeconds: 1, settleMillis: 0 }),
    ).rejects.toThrow('Conflict');
    expect(cluster.secret).toBe(before);
  });

  it('lets no key sign that another exchange put in its place while it waited', async () => {
    const cluster = new FakeCluster();
    await rotate(cluster);
    const { kubectl } = cluster;
    let unknown: string | undefined;
    const racing: Kubectl = async (args, input) => {
      if (args[0] === 'exec' && unknown === undefined) {
        const others = addNextKey(
          promoteNextKey({ keys: cluster.keys() }, Date.now()),
          newSigningKey(Date.now()),
        );
        unknown = others.keys.find(({ state }) => state === 'next')?.kid;
        cluster.secret = JSON.stringify(others);
      }
      return kubectl(args, input);
    };
    await expect(
      rotateKeys({ kubectl: racing, note: () => undefined, timeoutSeconds: 1, settleMillis: 0 }),
    ).rejects.toThrow('another exchange');
    expect(cluster.kids('next')).toEqual([unknown]);
  });
});
