import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A port inside a pod, on 127.0.0.1 here: `kubectl port-forward`, which reaches also what listens on the pod's own loopback. */

export interface PortForward {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly close: () => void;
}

export interface PodPort {
  readonly namespace: string;
  /** `pod/x` or `deploy/x` */
  readonly target: string;
  readonly port: number;
}

export async function openPortForward(
  kubeconfig: string,
  { namespace, target, port }: PodPort,
): Promise<PortForward> {
  const args = ['port-forward', '-n', namespace, target, `:${port}`, '--address', '127.0.0.1'];
  const child = spawn('kubectl', args, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // What is not read blocks it.
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = `${said}${bytes.toString()}`.slice(-2_000);
  });
  const localPort = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`port-forward to ${target} ended: ${said}`)));
  });
  return { url: `http://127.0.0.1:${localPort}`, close: () => void child.kill() };
}
