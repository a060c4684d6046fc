/** Istio's settings, from the files that an install takes: the same mesh, and the switches that upstream's Envoy needs. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

const installSchema = z.object({
  spec: z.object({
    meshConfig: z
      .looseObject({ defaultConfig: z.record(z.string(), z.unknown()).default({}) })
      .exactOptional(),
    values: z.object({
      pilot: z.object({ env: z.record(z.string(), z.string()).default({}) }).exactOptional(),
    }),
  }),
});

export interface IstioSettings {
  /** Of the mesh; `defaultConfig` in it is that of a proxy. */
  readonly meshConfig: Readonly<Record<string, unknown>>;
  readonly proxyConfig: Readonly<Record<string, unknown>>;
  /** istiod's environment. */
  readonly env: Readonly<Record<string, string>>;
}

const cluster = new URL('../../cluster/', import.meta.url);

export function istioSettings(): IstioSettings {
  const [base, upstreamEnvoy] = ['istio.yaml', 'istio-upstream-envoy.yaml'].map((file) =>
    installSchema.parse(parse(readFileSync(fileURLToPath(new URL(file, cluster)), 'utf8'))),
  );
  const meshConfig = base?.spec.meshConfig ?? { defaultConfig: {} };
  return {
    meshConfig,
    proxyConfig: meshConfig.defaultConfig,
    env: { ...base?.spec.values.pilot?.env, ...upstreamEnvoy?.spec.values.pilot?.env },
  };
}
