import type { Command, Reply } from '@sagamesh/contracts/messages';
import { ensureError } from '@sagamesh/runtime/errors';
import type { Db } from './db.ts';
import { handleLocal } from './fence-local.ts';
import { handleOutside } from './fence-outside.ts';
import { failedReply } from './fence-reply.ts';
import type { Outbox } from './outbox.ts';
import { requestHash } from './request-hash.ts';
import type { StepHandler } from './step.ts';

/**
 * The fence: one row per (saga, step), the first writer wins (docs/architecture.md). Thanks to it every command may be sent again at any time
 * by anybody. What to do at which row is decided in fence-decision.ts; fence-local.ts and fence-outside.ts do it.
 */

export interface Fence {
  /** Never throws: trouble is the reply `Failed`, with everything rolled back. Who retries is the operator. */
  handle(handler: StepHandler, command: Command): Promise<Reply>;
}

export interface FenceOptions {
  readonly service: string;
  readonly db: Db;
  readonly outbox: Outbox;
  /** For the log: the reply does not carry an error's inner text. */
  readonly onError?: (error: Error, command: Command) => void;
}

export function createFence(options: FenceOptions): Fence {
  const { service, db, outbox } = options;
  return {
    async handle(handler, command) {
      const shell = { db, outbox, hash: requestHash(service, command) };
      try {
        return handler.kind === 'local'
          ? await handleLocal(shell, handler, command)
          : await handleOutside(shell, handler, command);
      } catch (thrown) {
        const error = ensureError(thrown);
        options.onError?.(error, command);
        return failedReply(command, error);
      }
    },
  };
}
