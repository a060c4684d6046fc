import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubectlResult } from '@sagamesh/sandbox/kubectl';
import type { RunCommand } from '../run-command.ts';
import { reachCluster } from './make-cluster.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sagamesh-kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Docker and kind with one node, and an API server that answers from the second question on. */
function machine(options: { readonly running: boolean; readonly starts: boolean }) {
  const said: string[] = [];
  let { running } = options;
  let questions = 0;
  const run: RunCommand = (command, args) => {
    const line = [command, ...args].join(' ');
    said.push(line);
    const answer = (stdout: string, code = 0, stderr = '') => Promise.resolve({ code, stdout, stderr });
    if (line.startsWith('kind get nodes')) return answer('node-1\n');
    if (line.startsWith('docker inspect')) return answer(`${running}\n`);
    if (line === 'docker start node-1') {
      running = options.starts;
      return running ? answer('node-1\n') : answer('', 1, 'port is already allocated');
    }
    return running ? answer('the config') : answer('', 1, 'the container is not running');
  };
  const kubectl = (args: readonly string[]): Promise<KubectlResult> => {
    said.push(['kubectl', ...args].join(' '));
    questions += 1;
    const code = questions > 1 ? 0 : 1;
    return Promise.resolve({ code, stdout: '', stderr: 'connection refused' });
  };
  return { said, context: { run, kubectl, kubeconfig: join(folder, 'kind', 'kubeconfig') } };
}

describe('a cluster that is there', () => {
  it('is left alone when its node runs', async () => {
    const { said, context } = machine({ running: true, starts: true });
    expect(await reachCluster(context)).toEqual([]);
    expect(said).not.toContain('docker start node-1');
    expect(readFileSync(context.kubeconfig, 'utf8')).toBe('the config');
  });

  it('is started when its node is stopped, and asked until it answers', async () => {
    const { said, context } = machine({ running: false, starts: true });
    expect(await reachCluster(context)).toEqual(['node-1']);
    expect(said.filter((line) => line.includes('/readyz'))).toHaveLength(2);
  });

  it('says why its node does not start', async () => {
    const { context } = machine({ running: false, starts: false });
    await expect(reachCluster(context)).rejects.toThrow('port is already allocated');
  });
});
