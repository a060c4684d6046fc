import { z } from 'zod';
import { effectKinds, momentFaults, windowFaults } from '../kernel/fault.ts';
import { sagaKinds, userActionKinds } from './run-plan.ts';
import type { RunPlan } from './run-plan.ts';

/** A plan from a file: one that was made smaller, or written by hand. */

const millis = z.number().min(0);
const at = { atMillis: millis };
const target = { target: z.string().optional() };

const faultSchema = z.union([
  z.object({
    kind: z.enum(windowFaults),
    ...at,
    ...target,
    forMillis: millis,
    probability: z.number().gt(0).max(1),
  }),
  z.object({ kind: z.enum(momentFaults), ...at, ...target }),
  z.object({ kind: z.literal('process.crash'), ...at, host: z.string(), downMillis: millis }),
  z.object({
    kind: z.literal('process.crashAt'),
    ...at,
    host: z.string(),
    downMillis: millis,
    effect: z.enum(effectKinds),
    side: z.enum(['before', 'after']),
    skip: z.int().min(0),
  }),
  z.object({ kind: z.literal('process.pause'), ...at, host: z.string(), forMillis: millis }),
  z.object({ kind: z.literal('process.skew'), ...at, host: z.string(), byMillis: z.number() }),
]);

const planSchema = z.object({
  seed: z.int(),
  replicas: z.int().min(1).max(3),
  leaseLies: z.boolean(),
  healAtMillis: millis,
  sagas: z.array(
    z.object({
      id: z.int(),
      ...at,
      kind: z.enum(sagaKinds),
      origin: z.enum(['http', 'kubectl', 'twin']),
      twinOf: z.int().optional(),
      deadlineSeconds: z.int().min(1),
      timeoutSeconds: z.int().min(1),
      maxAttempts: z.int().min(1),
    }),
  ),
  users: z.array(z.object({ ...at, kind: z.enum(userActionKinds), saga: z.int() })),
  faults: z.array(faultSchema),
});

export type PlanResult =
  | { readonly kind: 'valid'; readonly plan: RunPlan }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

export function readPlan(text: string): PlanResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: 'invalid', problems: [`this is no JSON: ${String(error)}`] };
  }
  const parsed = planSchema.safeParse(json);
  if (!parsed.success) {
    return {
      kind: 'invalid',
      problems: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    };
  }
  // An absent key and one that is undefined are the same to whoever reads a plan.
  const plan: RunPlan = JSON.parse(JSON.stringify(parsed.data));
  return { kind: 'valid', plan };
}
