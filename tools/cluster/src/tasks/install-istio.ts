import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { z } from 'zod';
import { installStamp, istioctlArgs, stampAnnotation } from '../istio-install.ts';
import type { KindContext } from '../kind-context.ts';
import type { IstioSettings } from '../kind-settings.ts';
import { mustSucceed } from '../run-command.ts';

/** Istio's control plane, by istioctl; skipped when the same was installed before and runs. */
export async function installIstio(context: KindContext, settings: IstioSettings): Promise<string> {
  const { run, kubectl, kubeconfig, root } = context;
  const ourValues = join(root, 'tools/cluster/istio.yaml');
  const version = await mustSucceed(run, settings.istioctl, ['version', '--remote=false']);
  const files = [ourValues, ...(settings.valuesFile === undefined ? [] : [settings.valuesFile])];
  const stamp = installStamp({
    istioctlVersion: version.trim(),
    settings,
    valuesTexts: files.map((file) => readFileSync(file, 'utf8')),
  });
  if (await isInstalled(context, stamp)) return 'as installed before';
  const args = ['install', '-y', '--kubeconfig', kubeconfig, '--readiness-timeout', '10m'];
  await mustSucceed(run, settings.istioctl, [...args, ...istioctlArgs(settings, ourValues)]);
  await mustRun(kubectl, [
    'annotate',
    'namespace',
    'istio-system',
    '--overwrite',
    `${stampAnnotation}=${stamp}`,
  ]);
  return version.trim().replace(/^client version: /, '');
}

const namespaceSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
});
const istiodSchema = z.object({
  status: z.object({ availableReplicas: z.number().default(0) }).prefault({}),
});

async function isInstalled({ kubectl }: KindContext, stamp: string): Promise<boolean> {
  const namespace = await kubectl(['get', 'namespace', 'istio-system', '-o', 'json']);
  if (namespace.code !== 0) return false;
  const { annotations } = namespaceSchema.parse(JSON.parse(namespace.stdout)).metadata;
  if (annotations[stampAnnotation] !== stamp) return false;
  const istiod = await kubectl(['get', 'deployment', '-n', 'istio-system', 'istiod', '-o', 'json']);
  return istiod.code === 0 && istiodSchema.parse(JSON.parse(istiod.stdout)).status.availableReplicas > 0;
}
