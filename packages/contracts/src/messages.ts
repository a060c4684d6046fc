import { z } from 'zod';
import { boundedText, boundedTextMap, replyResultsMax, resultsMax, settingsMax } from './bounded-text.ts';
import { orderSchema } from './order.ts';

/** Commands and replies between the operator and the services (docs/architecture.md, "Messages"). Unknown keys are ignored: add fields, never re-type one. */

export const messageVersion = 1;

export const directionSchema = z.enum(['execute', 'compensate', 'revoke']);
export type Direction = z.infer<typeof directionSchema>;

export const commandSchema = z.object({
  version: z.literal(messageVersion),
  /** Also the Nats-Msg-Id: `uid/step/direction/<process nonce>/<send number>`. Differs with every send. */
  commandId: z.string().min(1).max(256),
  sagaUid: z.uuid(),
  orderId: orderSchema.shape.id,
  step: z.string().min(1).max(63),
  action: z.string().min(1).max(31),
  direction: directionSchema,
  attempt: z.int().min(1),
  /** Advisory: after it the operator no longer waits for this attempt. Never decides anything at a service. */
  deadline: z.iso.datetime(),
  order: orderSchema,
  with: boundedTextMap(settingsMax),
  /** What earlier steps answered, e.g. `paymentId`. Not part of the request hash. */
  results: boundedTextMap(resultsMax),
});
export type Command = z.infer<typeof commandSchema>;

/**
 * EXECUTE:    Executed | Rejected (business no, final) | Failed (try again) | Fenced (undone before) | Mismatch (same place, other request)
 * COMPENSATE: Compensated | NothingToUndo | Failed
 * REVOKE:     Revoked | PivotPassed | Failed
 */
export const replyOutcomeSchema = z.enum([
  'Executed',
  'Rejected',
  'Failed',
  'Fenced',
  'Mismatch',
  'Compensated',
  'NothingToUndo',
  'Revoked',
  'PivotPassed',
]);
export type ReplyOutcome = z.infer<typeof replyOutcomeSchema>;

export const replySchema = z.object({
  version: z.literal(messageVersion),
  commandId: z.string().min(1).max(256),
  sagaUid: z.uuid(),
  step: z.string().min(1).max(63),
  direction: directionSchema,
  outcome: replyOutcomeSchema,
  /** Small named values for later steps and for `status.results`. */
  result: boundedTextMap(replyResultsMax).default({}),
  /** CamelCase, for machines; empty when all went well. */
  reason: z.string().max(64).default(''),
  /** For people; at most 256 characters. */
  message: boundedText(256).default(''),
});
export type Reply = z.infer<typeof replySchema>;
