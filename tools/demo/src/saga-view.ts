import { z } from 'zod';

/** What the demo reads of an OrderSaga: by its own eyes, from the API server's JSON. */
const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  message: z.string(),
});

export const sagaViewSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), creationTimestamp: z.string() }),
  spec: z.object({ order: z.object({ id: z.string() }) }),
  status: z
    .object({
      outcome: z.string().optional(),
      failure: z.object({ step: z.string(), reason: z.string() }).optional(),
      currentStep: z.string().optional(),
      progress: z.string().optional(),
      conditions: z.array(conditionSchema).default([]),
      startedAt: z.string().optional(),
      finishedAt: z.string().optional(),
    })
    .default({ conditions: [] }),
});
export type SagaView = z.infer<typeof sagaViewSchema>;

export const watchEventSchema = z.object({ type: z.string(), object: z.unknown() });

export interface ConditionChange {
  readonly saga: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The conditions whose status or reason moved between two looks at one saga. Pure. */
export function conditionChanges(before: SagaView | undefined, after: SagaView): ConditionChange[] {
  return after.status.conditions
    .filter((condition) => {
      const old = before?.status.conditions.find(({ type }) => type === condition.type);
      return old?.status !== condition.status || old.reason !== condition.reason;
    })
    .map(({ type, status, reason, message }) => ({
      saga: after.metadata.name,
      type,
      status,
      reason,
      message,
    }));
}
