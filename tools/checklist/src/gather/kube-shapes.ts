import { z } from 'zod';

/** The parts of Kubernetes and Istio objects that are looked at; everything else in them is let be. */

const labels = z.record(z.string(), z.string()).default({});
const selector = z.object({ matchLabels: labels }).default({ matchLabels: {} });
const secretRef = z.object({ name: z.string(), key: z.string() });

const containerSchema = z.object({
  image: z.string().default(''),
  env: z
    .array(
      z.object({
        name: z.string(),
        value: z.string().optional(),
        valueFrom: z.object({ secretKeyRef: secretRef.optional() }).optional(),
      }),
    )
    .default([]),
  startupProbe: z.unknown().optional(),
  readinessProbe: z.unknown().optional(),
  livenessProbe: z.unknown().optional(),
});

export const workloadSchema = z.object({
  kind: z.enum(['Deployment', 'StatefulSet']),
  spec: z.object({
    replicas: z.int().optional(),
    strategy: z.object({ type: z.string().optional() }).optional(),
    template: z.object({
      metadata: z.object({ labels }),
      spec: z.object({
        serviceAccountName: z.string().default('default'),
        containers: z.array(containerSchema).min(1),
        initContainers: z.array(containerSchema).default([]),
      }),
    }),
  }),
});

export const serviceSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ ports: z.array(z.object({ name: z.string().default('') })).default([]) }),
});

export const destinationRuleSchema = z.object({
  spec: z.object({
    host: z.string(),
    trafficPolicy: z
      .object({
        connectionPool: z
          .object({
            tcp: z.object({ maxConnections: z.number().optional() }).optional(),
            http: z.object({ http1MaxPendingRequests: z.number().optional() }).optional(),
          })
          .optional(),
        outlierDetection: z
          .object({
            consecutive5xxErrors: z.number().optional(),
            baseEjectionTime: z.string().optional(),
            maxEjectionPercent: z.number().optional(),
          })
          .optional(),
      })
      .default({}),
  }),
});

export const serviceEntrySchema = z.object({ spec: z.object({ hosts: z.array(z.string()) }) });

const operationSchema = z.object({
  paths: z.array(z.string()).default([]),
  methods: z.array(z.string()).default([]),
});

export const authorizationPolicySchema = z.object({
  spec: z.object({
    action: z.string().default('ALLOW'),
    selector: selector.optional(),
    rules: z
      .array(
        z.object({
          from: z
            .array(
              z.object({
                source: z.object({
                  serviceAccounts: z.array(z.string()).default([]),
                  requestPrincipals: z.array(z.string()).default([]),
                }),
              }),
            )
            .optional(),
          to: z.array(z.object({ operation: operationSchema })).default([]),
        }),
      )
      .default([]),
  }),
});

export const networkPolicySchema = z.object({
  spec: z.object({
    podSelector: selector,
    ingress: z
      .array(
        z.object({
          from: z.array(z.object({ podSelector: selector.optional() })).optional(),
          ports: z.array(z.object({ port: z.union([z.int(), z.string()]).optional() })).default([]),
        }),
      )
      .default([]),
  }),
});

const matchSchema = z.object({
  method: z.object({ exact: z.string().optional() }).optional(),
  uri: z.object({ exact: z.string().optional(), prefix: z.string().optional() }).optional(),
});

export const virtualServiceSchema = z.object({
  spec: z.object({
    gateways: z.array(z.string()).default([]),
    http: z
      .array(
        z.object({
          name: z.string().default(''),
          match: z.array(matchSchema).default([]),
          route: z.array(z.object({ destination: z.object({ host: z.string() }) })).default([]),
          timeout: z.string().optional(),
          retries: z.object({ attempts: z.int() }).optional(),
        }),
      )
      .default([]),
  }),
});

export const budgetSchema = z.object({ spec: z.object({ selector }) });
export const autoscalerSchema = z.object({
  spec: z.object({ scaleTargetRef: z.object({ name: z.string() }) }),
});

/** Within an EnvoyFilter, wherever it stands: a bucket, and the one value by which it is found. */
export const limitSchema = z.object({
  entries: z.array(z.object({ key: z.string(), value: z.string() })).min(1),
  token_bucket: z.object({ max_tokens: z.number(), fill_interval: z.string() }),
});
