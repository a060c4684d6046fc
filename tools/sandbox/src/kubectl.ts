/** Runs the real kubectl as one identity. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { resolveBinary } from './resolve-binary.ts';

export type KubectlResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Resolves with whatever kubectl answers; a failure is a `code` other than 0, not an exception. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<KubectlResult>;

/** The caller's own `KUBECONFIG` and `~/.kube/config` are not read. */
export async function kubectlFor(kubeconfig: string): Promise<Kubectl> {
  const binary = await resolveBinary('kubectl');
  return async (args, input) => {
    const child = spawn(binary, [...args], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    child.stdin.on('error', () => undefined); // it may end without reading its input
    child.stdin.end(input ?? '');
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  };
}
