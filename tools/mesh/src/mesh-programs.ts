/** The programs of the process site, found or built, and where a pod sees them. */
import { chmodSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataDir } from '@sagamesh/sandbox/data-dir';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { resolveEnvoy } from '@sagamesh/sandbox/resolve-envoy';
import { runProgram } from '@sagamesh/sandbox/run-program';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { z } from 'zod';
import type { Mount } from './network-namespace.ts';

export interface MeshPrograms {
  readonly etcd: string;
  readonly apiServer: string;
  readonly kubectl: string;
  readonly istiod: string;
  readonly istioctl: string;
  readonly pilotAgent: string;
  readonly envoy: string;
}

/** Throws SetupError, which says what is missing and what would help. */
export async function findMeshPrograms(): Promise<MeshPrograms> {
  return {
    etcd: await resolveBinary('etcd'),
    apiServer: await resolveBinary('kube-apiserver'),
    kubectl: await resolveBinary('kubectl'),
    istiod: await resolveBinary('pilot-discovery'),
    istioctl: await resolveBinary('istioctl'),
    pilotAgent: await resolveBinary('pilot-agent'),
    envoy: (await resolveEnvoy()).path,
  };
}

/** Programs that run as another user. Their own folders may be closed to him, as a home is. */
export interface PodPrograms {
  readonly node: string;
  readonly pilotAgent: string;
  readonly envoy: string;
  readonly mounts: readonly Mount[];
}

export function podPrograms(dataDir: DataDir, programs: MeshPrograms): PodPrograms {
  const mounts: Mount[] = [];
  const shown = (name: string, source: string): string => {
    const target = dataDir.file('bin', name);
    closeSync(openSync(target, 'a'));
    chmodSync(target, 0o755);
    mounts.push({ source, target });
    return target;
  };
  return {
    node: shown('node', process.execPath),
    pilotAgent: shown('pilot-agent', programs.pilotAgent),
    envoy: shown('envoy', programs.envoy),
    mounts,
  };
}

const istioModule = fileURLToPath(new URL('../../sandbox/go/istio/', import.meta.url));
const moduleSchema = z.object({ Dir: z.string() });

/** From it the agent makes Envoy's first configuration. Part of the pinned Istio module, and of its images. */
export async function envoyBootstrapTemplate(): Promise<string> {
  const { code, stdout, stderr } = await runProgram('go', ['mod', 'download', '-json', 'istio.io/istio'], {
    cwd: istioModule,
    env: { GOWORK: 'off', GOFLAGS: '-mod=readonly' },
  }).catch((error: unknown) => ({ code: 1, stdout: '', stderr: String(error) }));
  if (code !== 0) {
    throw new SetupError(
      `Envoy's bootstrap template is missing: Go cannot get the module that ${istioModule}go.mod pins: ${stderr}`,
    );
  }
  const { Dir } = moduleSchema.parse(JSON.parse(stdout));
  return join(Dir, 'tools', 'packaging', 'common', 'envoy_bootstrap.json');
}
