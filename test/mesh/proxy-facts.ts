import type { MeshSite, MeshWorkload } from '@sagamesh/mesh/mesh-site';
import { z } from 'zod';

/** What an Envoy says of itself. */

/** Some are texts, and the histograms come as one entry without a name. */
const statsSchema = z.object({
  stats: z.array(z.object({ name: z.string().optional(), value: z.unknown().optional() })),
});

/** All counters and gauges whose name fits. */
export async function statsOf(
  site: MeshSite,
  workload: MeshWorkload,
  pattern: RegExp,
): Promise<readonly { readonly name: string; readonly value: number }[]> {
  const { stats } = statsSchema.parse(JSON.parse(await site.admin(workload, '/stats?format=json')));
  return stats.flatMap(({ name, value }) =>
    name !== undefined && typeof value === 'number' && pattern.test(name) ? [{ name, value }] : [],
  );
}

/** Their sum. One that nobody has counted yet does not exist, and is 0. */
export async function countOf(site: MeshSite, workload: MeshWorkload, pattern: RegExp): Promise<number> {
  const stats = await statsOf(site, workload, pattern);
  return stats.reduce((sum, { value }) => sum + value, 0);
}

/** A counter of what a proxy sends to the HTTP port of a service in the namespace of the shop. */
export function toService(service: string, counter: string): RegExp {
  return new RegExp(String.raw`^cluster\.outbound\|3000\|\|${service}\.shop\..*\.${counter}$`);
}

const clustersSchema = z.object({
  configs: z
    .array(
      z.object({
        cluster: z.object({
          name: z.string(),
          outlier_detection: z.object({ base_ejection_time: z.string().optional() }).optional(),
          circuit_breakers: z
            .object({ thresholds: z.array(z.object({ max_pending_requests: z.number().optional() })) })
            .optional(),
        }),
      }),
    )
    .optional(),
});

/** How a proxy calls a service, as it has it in force. */
async function clusterOf(site: MeshSite, workload: MeshWorkload, service: string) {
  const dump = await site.admin(workload, '/config_dump?resource=dynamic_active_clusters');
  const { configs = [] } = clustersSchema.parse(JSON.parse(dump));
  return configs.find(({ cluster }) => cluster.name.startsWith(`outbound|3000||${service}.shop.`))?.cluster;
}

/** For how long a proxy ejects a pod of the service: `3s`. */
export async function ejectionTimeOf(
  site: MeshSite,
  workload: MeshWorkload,
  service: string,
): Promise<string | undefined> {
  return (await clusterOf(site, workload, service))?.outlier_detection?.base_ejection_time;
}

/** How many requests a proxy lets wait for a connection to the service. */
export async function pendingMaxOf(
  site: MeshSite,
  workload: MeshWorkload,
  service: string,
): Promise<number | undefined> {
  return (await clusterOf(site, workload, service))?.circuit_breakers?.thresholds[0]?.max_pending_requests;
}

/** Whether any route of a proxy gives its upstream this long. */
export async function hasTimeout(site: MeshSite, workload: MeshWorkload, timeout: string): Promise<boolean> {
  const dump = await site.admin(workload, '/config_dump?resource=dynamic_route_configs');
  return dump.replaceAll(/\s/g, '').includes(`"timeout":"${timeout}"`);
}

/** Pushes of istiod that a proxy has refused, over all proxies. */
export function refusedPushes(metrics: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith('pilot_total_xds_rejects'));
  return lines.reduce((sum, line) => sum + Number(line.trim().split(' ').at(-1)), 0);
}
