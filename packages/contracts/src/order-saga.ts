import { z } from 'zod';
import { boundedText, boundedTextMap, resultsMax, settingsMax } from './bounded-text.ts';
import { orderSchema } from './order.ts';

/** The OrderSaga resource. This zod source gives the TypeScript types and, through `order-saga-crd.ts`, the CRD. */

export const orderSagaGroup = 'sagamesh.dev';
export const orderSagaVersion = 'v1alpha1';
export const orderSagaKind = 'OrderSaga';
export const orderSagaPlural = 'ordersagas';

/** Held from before the first command until every acknowledgement is in: `kubectl delete` means compensate. */
export const orderSagaFinalizer = 'sagamesh.dev/compensate';
/** Value: the name of the one open step whose acknowledgement a person gives up. */
export const abandonStepAnnotation = 'sagamesh.dev/abandon-step';
/** Optional, beside it: who decided that. Recorded in `status.abandoned`. */
export const abandonedByAnnotation = 'sagamesh.dev/abandoned-by';
/** Set by the intake, so one order's path can be followed through logs, messages and events. */
export const correlationIdAnnotation = 'sagamesh.dev/correlation-id';

const actionSchema = z
  .string()
  .min(1)
  .max(31)
  .regex(/^[a-z][a-zA-Z0-9-]*$/)
  .describe('an action of the service: a lower-case letter, then letters, digits and dashes');

export const retrySchema = z.object({
  maxAttempts: z.int().min(1).max(100).describe('attempts before the saga turns round').default(5),
  initialMillis: z.int().min(10).max(60_000).describe('pause before the second attempt').default(200),
  factor: z.int().min(1).max(10).describe('each pause is this many times the one before').default(2),
  maxMillis: z.int().min(10).max(600_000).describe('no pause is longer than this').default(30_000),
});

export const stepSchema = z.object({
  name: z
    .string()
    .min(1)
    .max(63)
    .regex(/^[a-z][a-zA-Z0-9-]*$/)
    .describe('a step name, used once in a plan: a lower-case letter, then letters, digits and dashes'),
  service: z
    .string()
    .min(1)
    .max(31)
    .regex(/^[a-z][a-z0-9-]*$/)
    .describe('a service name: a lower-case letter, then lower-case letters, digits and dashes'),
  execute: actionSchema,
  compensate: actionSchema.optional(),
  pivot: z
    .boolean()
    .describe("whether this step's effect decides the saga; exactly one step of a plan is the pivot")
    .default(false),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .describe('how long one attempt may take before it is sent again')
    .default(10),
  retry: retrySchema.describe('how a failed or unanswered attempt is repeated').prefault({}),
  /** Part of the request hash. */
  with: boundedTextMap(settingsMax).describe('settings handed to the service as they stand').default({}),
});

export const stepsMax = 16;

export const defaultPlan: readonly z.input<typeof stepSchema>[] = [
  { name: 'createOrder', service: 'order', execute: 'create', compensate: 'cancel' },
  { name: 'reserveInventory', service: 'inventory', execute: 'reserve', compensate: 'release' },
  { name: 'processPayment', service: 'payment', execute: 'charge', compensate: 'refund', timeoutSeconds: 15 },
  { name: 'confirmOrder', service: 'order', execute: 'confirm', pivot: true },
  { name: 'settleInventory', service: 'inventory', execute: 'settle' },
];

export const orderSagaSpecSchema = z.object({
  order: orderSchema.describe('the order; immutable'),
  steps: z
    .array(stepSchema)
    .min(1)
    .max(stepsMax)
    .describe('the plan, in order; immutable; by default the plan of the bundled services'),
  deadlineSeconds: z
    .int()
    .min(1)
    .max(604_800)
    .describe('abort when the pivot was not reached by then, counted from status.startedAt, suspended or not')
    .default(300),
  suspend: z
    .boolean()
    .describe('true: send no further step; undo, cancel and delete go on nevertheless')
    .default(false),
  cancel: z
    .boolean()
    .describe('true: abort and undo, unless the pivot was taken; there is no way back to false')
    .default(false),
  ttlSecondsAfterFinished: z
    .int()
    .min(0)
    .max(31_536_000)
    .describe('how long the object is kept after its end')
    .default(86_400),
});

export const outcomeSchema = z.enum(['Completed', 'Compensated', 'Abandoned']);
export type Outcome = z.infer<typeof outcomeSchema>;

/** Pending -> Running -> Done; or Compensating -> Compensated | NothingToUndo; Rejected, Abandoned, and Skipped (never sent, nothing to undo). */
export const stepStateSchema = z.enum([
  'Pending',
  'Running',
  'Done',
  'Rejected',
  'Compensating',
  'Compensated',
  'NothingToUndo',
  'Revoking',
  'Revoked',
  'Abandoned',
  'Skipped',
]);
export type StepState = z.infer<typeof stepStateSchema>;

const timeSchema = z.iso.datetime();
const messageSchema = boundedText(256);

export const stepStatusSchema = z.object({
  name: z.string().max(63),
  state: stepStateSchema,
  attempts: z.int().min(0),
  startedAt: timeSchema.optional(),
  finishedAt: timeSchema.optional(),
  reason: z.string().max(64).optional(),
  message: messageSchema.optional(),
});

export const conditionSchema = z.object({
  type: z.enum(['Succeeded', 'Ready', 'Reconciling', 'Stalled']),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().min(1).max(64),
  message: messageSchema,
  lastTransitionTime: timeSchema,
  observedGeneration: z.int().min(0),
});

export const failureSchema = z.object({
  step: z.string().max(63),
  reason: z.string().max(64),
  message: messageSchema,
});

export const abandonedSchema = z.object({
  step: z.string().max(63),
  /** What was given up: the acknowledgement of this direction. */
  direction: z.enum(['execute', 'compensate', 'revoke']),
  by: boundedText(128),
  at: timeSchema,
});

export const orderSagaStatusSchema = z.object({
  observedGeneration: z.int().min(0).optional(),
  conditions: z.array(conditionSchema).max(4).optional(),
  outcome: outcomeSchema
    .describe('how the saga ended; unset while it is open, and never changes once set')
    .optional(),
  failure: failureSchema.describe('why the saga turned round; written before anything is undone').optional(),
  currentStep: z.string().max(63).describe('the step that is being done or undone').optional(),
  progress: z.string().max(7).describe('steps done / steps of the plan').optional(),
  steps: z.array(stepStatusSchema).max(stepsMax).optional(),
  results: boundedTextMap(resultsMax).describe('small values that the services answered').optional(),
  abandoned: z.array(abandonedSchema).max(stepsMax).optional(),
  startedAt: timeSchema.optional(),
  finishedAt: timeSchema.optional(),
});

export type Step = z.infer<typeof stepSchema>;
export type Retry = z.infer<typeof retrySchema>;
export type OrderSagaSpec = z.infer<typeof orderSagaSpecSchema>;
export type OrderSagaStatus = z.infer<typeof orderSagaStatusSchema>;
export type Condition = z.infer<typeof conditionSchema>;
export type StepStatus = z.infer<typeof stepStatusSchema>;
export type Failure = z.infer<typeof failureSchema>;

/** What the operator reads of the object's metadata. Times are RFC 3339 strings, as on the wire. */
export const orderSagaSchema = z.object({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.int().default(1),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    finalizers: z.array(z.string()).default([]),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: orderSagaSpecSchema,
  status: orderSagaStatusSchema.default({}),
});
export type OrderSaga = z.infer<typeof orderSagaSchema>;
