import { replyResultsMax } from '@sagamesh/contracts/bounded-text';
import { messageVersion, type Command, type Reply, type ReplyOutcome } from '@sagamesh/contracts/messages';
import { failureReasons } from '@sagamesh/contracts/reasons';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import type { FenceDecision } from './fence-decision.ts';
import type { StoredReply } from './fence-rows.ts';
import type { StepResult } from './step.ts';

/** Replies as data: what is said for which outcome, within the bounds that the operator reads. */

const messageMax = 256;
const reasonMax = 64;
const resultValueMax = 256;

/** Cuts between characters, never inside a surrogate pair. */
function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  let end = max - 1;
  if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end -= 1;
  return `${text.slice(0, end)}…`;
}

export function replyTo(command: Command, outcome: ReplyOutcome, said: StoredReply = {}): Reply {
  return {
    version: messageVersion,
    commandId: command.commandId,
    sagaUid: command.sagaUid,
    step: command.step,
    direction: command.direction,
    outcome,
    result: { ...said.result },
    reason: clip(said.reason ?? '', reasonMax),
    message: clip(said.message ?? '', messageMax),
  };
}

/** Results travel in replies and end in `status.results`. One that the operator cannot read would be sent for ever; so it is refused at once. */
export function assertResult(result: StepResult | undefined): StepResult {
  const entries = Object.entries(result ?? {});
  if (entries.length > replyResultsMax)
    throw new TerminalError(`a step answered ${entries.length} results; at most ${replyResultsMax} are read`);
  for (const [key, value] of entries) {
    if (key.length > 63 || typeof value !== 'string' || value.length > resultValueMax)
      throw new TerminalError(
        `result "${clip(key, 63)}" is not a text of at most ${resultValueMax} characters`,
      );
  }
  return result ?? {};
}

type Answer = Extract<FenceDecision, { kind: 'answer' }>['outcome'];

/** For decisions that are answered without the row. */
export function answerTo(command: Command, outcome: Answer): Reply {
  switch (outcome) {
    case 'Fenced':
      return replyTo(command, 'Fenced', {
        reason: failureReasons.StepFenced,
        message: 'This step was undone before; it cannot be executed any more.',
      });
    case 'Mismatch':
      return replyTo(command, 'Mismatch', {
        reason: failureReasons.IdempotencyMismatch,
        message: 'This step was executed with another order or other parameters.',
      });
    case 'NotAPivot':
      return replyTo(command, 'Failed', {
        reason: 'NotAPivot',
        message: 'This step has an effect outside of its service and is under way: it cannot be a pivot.',
      });
    case 'NothingToUndo':
    case 'Revoked':
    case 'PivotPassed':
      return replyTo(command, outcome);
  }
}

/**
 * Trouble. Texts of our own errors are written for people; any other text (a driver's, a library's) stays in the log, it may tell too much.
 */
export function failedReply(command: Command, error: Error): Reply {
  if (error instanceof RetryableError)
    return replyTo(command, 'Failed', { reason: 'Unavailable', message: error.message });
  if (error instanceof TerminalError)
    return replyTo(command, 'Failed', { reason: 'Refused', message: error.message });
  return replyTo(command, 'Failed', {
    reason: 'InternalError',
    message: 'The service failed; its log has the error under this correlation id.',
  });
}
