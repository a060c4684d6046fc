import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ControlCall } from '@sagamesh/mesh/stand-in-client';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';

/** A port inside a pod, on 127.0.0.1 here: `kubectl port-forward`, which reaches also what listens on the pod's own loopback. */

interface PortForward {
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

async function openPortForward(
  kubeconfig: string,
  { namespace, target, port }: PodPort,
): Promise<PortForward> {
  const args = ['port-forward', '-n', namespace, target, `:${port}`, '--address', '127.0.0.1'];
  const child = spawn(await resolveBinary('kubectl'), args, {
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

/** One `kubectl port-forward` per port, opened when first needed and again when it broke. */
export class Forwards {
  private readonly kubeconfig: string;
  private readonly open = new Map<string, Promise<PortForward>>();

  constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
  }

  async get(port: PodPort, path: string): Promise<string> {
    const response = await this.fetch(port, path);
    const body = await response.text();
    if (!response.ok) throw new Error(`GET ${port.target}${path} answered ${response.status}: ${body}`);
    return body;
  }

  control(port: PodPort): ControlCall {
    return async (path, body) => {
      const response = await this.fetch(port, path, { method: 'POST', body: JSON.stringify(body) });
      const answer = await response.text();
      if (!response.ok) throw new Error(`${port.target} refused ${path}: ${answer}`);
      return JSON.parse(answer);
    };
  }

  closeAll(): void {
    for (const forward of this.open.values())
      void forward.then(
        ({ close }) => close(),
        () => undefined,
      );
    this.open.clear();
  }

  private async fetch(port: PodPort, path: string, init: RequestInit = {}): Promise<Response> {
    const key = `${port.namespace}/${port.target}:${port.port}`;
    const forward = this.open.get(key) ?? openPortForward(this.kubeconfig, port);
    this.open.set(key, forward);
    try {
      const { url } = await forward;
      return await fetch(`${url}${path}`, init);
    } catch (error) {
      this.open.delete(key);
      void forward.then(
        ({ close }) => close(),
        () => undefined,
      );
      throw error;
    }
  }
}
