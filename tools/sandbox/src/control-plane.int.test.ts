import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { countByVerb, isWrite, readAuditLog, type AuditRecord } from './audit-log.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { DataDir } from './data-dir.ts';
import { kubectlFor, type Kubectl } from './kubectl.ts';
import { waitUntil } from './wait-until.ts';

const operator = 'system:serviceaccount:sagamesh-system:sagamesh-operator';

const widgetCrd = stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.org' },
  spec: {
    group: 'example.org',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              size: {
                type: 'integer',
                'x-kubernetes-validations': [{ rule: 'self % 2 == 0', message: 'size must be even' }],
              },
            },
          },
        },
      },
    ],
  },
});

function widget(name: string, size: number): string {
  return stringify({ apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name }, size });
}

let dataDir: DataDir;
let plane: ControlPlane;
let admin: Kubectl;

async function start(): Promise<void> {
  plane = await startControlPlane({ dataDir, identities: [{ name: operator }], durable: false });
  admin = await kubectlFor(plane.adminKubeconfig);
}

async function succeed(args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await admin(args, input);
  if (code !== 0) throw new Error(stderr);
}

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  await start();
  await succeed(['apply', '-f', '-'], widgetCrd);
  await succeed(['wait', '--for=condition=Established', 'crd/widgets.example.org']);
});

afterAll(async () => {
  await plane.stop();
  dataDir.close({ remove: true });
});

describe('the control plane', () => {
  it('says the pinned version on both sides', async () => {
    const { stdout } = await admin(['version', '--output=json']);
    expect(JSON.parse(stdout)).toMatchObject({
      clientVersion: { major: '1' },
      serverVersion: { major: '1', gitVersion: expect.stringMatching(/^v1\.\d+\.\d+/) as unknown },
    });
  });

  it('stores custom resources, and refuses what their CEL rules refuse', async () => {
    expect(await admin(['create', '-f', '-'], widget('even', 2))).toMatchObject({ code: 0 });
    const refused = await admin(['create', '-f', '-'], widget('odd', 3));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('size must be even');
  });

  it('lets an identity do only what a role allows', async () => {
    const kubectl = await kubectlFor(plane.kubeconfigFor(operator));
    const denied = await kubectl(['get', 'widgets']);
    expect(denied.stderr).toContain('Forbidden');
    expect(denied.stderr).toContain(`"${operator}" cannot list resource "widgets"`);
    await admin(['create', 'clusterrole', 'widget-reader', '--verb=list', '--resource=widgets.example.org']);
    // Bound to the service account as manifests do it, not to a user of that name.
    const bind = ['create', 'clusterrolebinding', 'reader', '--clusterrole=widget-reader'];
    expect(await admin([...bind, '--serviceaccount=sagamesh-system:sagamesh-operator'])).toMatchObject({
      code: 0,
    });
    // The authorizer learns of a new role through its own watch.
    await waitUntil(async () => (await kubectl(['get', 'widgets'])).code === 0, {
      timeoutMillis: 60_000,
      what: 'the role to take effect',
    });
    expect((await kubectl(['delete', 'widgets', '--all'])).stderr).toContain('Forbidden');
  });

  it('refuses a caller without a token of its own', async () => {
    const config = readFileSync(plane.adminKubeconfig, 'utf8').replace(/token: \w+/, 'token: wrong');
    writeFileSync(dataDir.file('stranger.yaml'), config);
    const stranger = await kubectlFor(dataDir.file('stranger.yaml'));
    expect((await stranger(['get', 'namespaces'])).stderr).toMatch(/Unauthorized|must be logged in/);
  });

  it('shows each write in the audit log, with who made it', async () => {
    expect(await admin(['create', '-f', '-'], widget('audited', 4))).toMatchObject({ code: 0 });
    expect(await admin(['delete', 'widget', 'audited'])).toMatchObject({ code: 0 });
    const records = await readAuditLog(
      plane.auditLogPath,
      (record) => isWrite(record) && record.name === 'audited' && record.user === 'admin',
    );
    expect(countByVerb(records)).toEqual({ 'create widgets': 1, 'delete widgets': 1 });
  });

  it('keeps health probes out of the audit log', async () => {
    expect((await admin(['get', '--raw', '/readyz'])).stdout).toBe('ok');
    expect(readFileSync(plane.auditLogPath, 'utf8')).not.toContain('/readyz');
  });

  it('comes back with its data after both servers were killed', async () => {
    expect(await admin(['create', '-f', '-'], widget('lasting', 6))).toMatchObject({ code: 0 });
    await Promise.all([plane.etcd.kill(), plane.apiServer.kill()]);
    await plane.etcd.start();
    await plane.apiServer.start();
    expect(await admin(['get', 'widget', 'lasting'])).toMatchObject({ code: 0 });
  });

  it('recovers by itself when only etcd was killed', async () => {
    await plane.etcd.kill();
    await plane.etcd.start();
    await waitUntil(async () => (await admin(['create', '-f', '-'], widget('later', 8))).code === 0, {
      timeoutMillis: 30_000,
      what: 'the API server to write again',
    });
    expect((await admin(['get', 'widget', 'later', '--output=jsonpath={.size}'])).stdout).toBe('8');
  });

  it('ends by itself when it is stopped, with a watch open', async () => {
    const watching = admin(['get', 'namespaces', '--watch', '--request-timeout=0']);
    const isWatch = (record: AuditRecord): boolean =>
      record.verb === 'watch' && record.resource === 'namespaces' && record.user === 'admin';
    await waitUntil(async () => (await readAuditLog(plane.auditLogPath, isWatch)).length > 0, {
      timeoutMillis: 60_000,
      what: 'the watch to begin',
    });
    await plane.apiServer.stop();
    expect(plane.apiServer.lastExit).toEqual({ code: 0, signal: null, expected: true });
    await watching;
    await plane.apiServer.start();
  });

  it('keeps address, data and old kubeconfigs over stop and start', async () => {
    const before = { url: plane.url, kubeconfig: readFileSync(plane.adminKubeconfig, 'utf8') };
    await plane.stop();
    dataDir.close();
    dataDir = await DataDir.open(dataDir.path);
    await start();
    expect(plane.url).toBe(before.url);
    expect(readFileSync(plane.adminKubeconfig, 'utf8')).toBe(before.kubeconfig);
    expect(await admin(['get', 'widget', 'even'])).toMatchObject({ code: 0 });
    expect(dataDir.state.kubeconfigs['admin']).toBe(plane.adminKubeconfig);
  });
});
