/** Istio's own word on manifests: what it installs, and `istioctl validate`. */
import { fileURLToPath } from 'node:url';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { runProgram } from '@sagamesh/sandbox/run-program';
import type { Finding, Judgement, Look } from './finding.ts';
import { istioctlVersion, validateFindings, validateJudge, validatedCount } from './istioctl-report.ts';
import { readObjects, type ManifestObject } from './manifest-object.ts';
import type { WrittenSet } from './manifest-sets.ts';

export interface Istioctl {
  readonly path: string;
  readonly version: string;
}

export async function findIstioctl(): Promise<Istioctl> {
  const path = await resolveBinary('istioctl');
  const { stdout } = await runProgram(path, ['version', '--remote=false', '-o', 'json']);
  return { path, version: istioctlVersion(stdout) };
}

/** What `make kind-up` installs Istio with. */
const installation = fileURLToPath(new URL('../../cluster/istio.yaml', import.meta.url));

/** Its definitions, its configuration and its webhooks. */
export async function istioManifests({ path }: Istioctl): Promise<readonly ManifestObject[]> {
  const { code, stdout, stderr } = await runProgram(path, ['manifest', 'generate', '-f', installation]);
  if (code !== 0) throw new Error(`istioctl manifest generate failed: ${stderr.trim()}`);
  const objects = readObjects(stdout, 'istioctl manifest generate');
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system' } };
  return [namespace, ...objects];
}

export async function judgeByValidate(istioctl: Istioctl, sets: readonly WrittenSet[]): Promise<Judgement> {
  const findings: Finding[] = [];
  const looks: Look[] = [];
  for (const { set, folder, files } of sets) {
    const { code, stdout, stderr } = await runProgram(istioctl.path, ['validate', '-f', folder]);
    const printed = `${stdout}\n${stderr}`;
    const found = validateFindings(set.name, printed);
    if (code !== 0 && found.length === 0) throw new Error(`istioctl validate failed: ${printed.trim()}`);
    findings.push(...found);
    // It names the files one by one only when all is well.
    looks.push({ set: set.name, objects: code === 0 ? validatedCount(printed) : files.length });
  }
  return { judge: validateJudge, version: istioctl.version, looks, findings, notes: [] };
}
