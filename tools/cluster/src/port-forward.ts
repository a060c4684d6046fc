import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlCall } from '@sagamesh/mesh/stand-in-client';
import { ManagedProcess } from '@sagamesh/sandbox/managed-process';
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
  const folder = mkdtempSync(join(tmpdir(), 'sagamesh-forward-'));
  const logFile = join(folder, 'log');
  const localPort = (): string | undefined =>
    /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(readFileSync(logFile, 'utf8'))?.[1];
  // Ends with us, in whatever way we do.
  const forward = new ManagedProcess({
    name: `port-forward to ${target}`,
    command: await resolveBinary('kubectl'),
    args: ['port-forward', '-n', namespace, target, `:${port}`, '--address', '127.0.0.1'],
    env: { ...process.env, KUBECONFIG: kubeconfig },
    logFile,
    ready: async () => localPort() !== undefined,
    readyTimeoutMillis: 60_000,
  });
  const close = (): void => {
    void forward.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await forward.start();
    return { url: `http://127.0.0.1:${localPort() ?? ''}`, close };
  } catch (error) {
    close();
    throw error;
  }
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
