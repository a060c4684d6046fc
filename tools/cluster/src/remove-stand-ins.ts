import { meshWorkloads } from '@sagamesh/mesh/mesh-site';
import { namespaces } from '@sagamesh/charts/topology';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { openNetworkName, scriptConfigMap, standInName } from './stand-in-pods.ts';

/** What the tests put into a cluster, also by a run that was killed: Services would go on to select the stand-ins beside the real pods. */
export async function removeStandIns(kubectl: Kubectl): Promise<void> {
  const pods = meshWorkloads.map((workload) => `pod/${standInName(workload)}`);
  const extras = [`configmap/${scriptConfigMap}`, `networkpolicy/${openNetworkName}`];
  await mustRun(kubectl, ['delete', '--ignore-not-found', '-n', namespaces.shop, ...pods, ...extras]);
}
