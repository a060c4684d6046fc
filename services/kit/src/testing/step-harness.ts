import type { DomainEvent } from '@sagamesh/contracts/domain-events';
import type { Command, Reply } from '@sagamesh/contracts/messages';
import { ensureError } from '@sagamesh/runtime/errors';
import type { Db } from '../db.ts';
import { createFence } from '../fence.ts';
import { createOutbox, type Outbox } from '../outbox.ts';
import type { StepHandler } from '../step.ts';
import { handlerOf } from '../step-registry.ts';

/** A service's steps behind a real fence on a real database, without a broker. */

export interface StepHarnessOptions {
  readonly service: string;
  readonly db: Db;
  readonly steps: readonly StepHandler[];
}

export interface StepHarness {
  readonly outbox: Outbox;
  /** Picks the handler by action and direction, as the command server does. */
  readonly send: (command: Command) => Promise<Reply>;
  readonly fenceRow: (
    command: Command,
  ) => Promise<{ readonly state: string; readonly reference: string | null } | undefined>;
  /** What is in the outbox, in order. */
  readonly events: () => Promise<readonly DomainEvent[]>;
  /** What handlers threw so far; the replies do not show an error's inner text. */
  readonly errors: readonly Error[];
}

export function openStepHarness({ service, db, steps }: StepHarnessOptions): StepHarness {
  const outbox = createOutbox();
  const errors: Error[] = [];
  const fence = createFence({
    service,
    db,
    outbox,
    onError: (error) => void errors.push(ensureError(error)),
  });
  return {
    outbox,
    errors,
    async send(command) {
      const handler = handlerOf(steps, command.action, command.direction);
      if (handler === undefined) throw new Error(`no step ${command.direction}s ${command.action}`);
      return fence.handle(handler, command);
    },
    async fenceRow(command) {
      const { rows } = await db.query<{ state: string; reference: string | null }>(
        'select state, reference from saga_fence where saga_uid = $1::uuid and step = $2',
        [command.sagaUid, command.step],
      );
      return rows[0];
    },
    async events() {
      const { rows } = await db.query<{ event: DomainEvent }>('select event from outbox order by seq');
      return rows.map((row) => row.event);
    },
  };
}
