import { replySchema } from '@sagamesh/contracts/messages';
import { streamNames } from '@sagamesh/contracts/subjects';
import type { Broker, IncomingMessage, Subscription } from '@sagamesh/runtime/broker';
import { runInContext } from '@sagamesh/runtime/correlation';
import { decodeMessage, sendDeadLetter } from '@sagamesh/runtime/dead-letters';
import { ensureError } from '@sagamesh/runtime/errors';
import type { Logger } from '@sagamesh/runtime/logger';
import { contextFromHeaders } from '@sagamesh/runtime/trace-context';
import type { SagaMetrics } from './ports.ts';
import type { SagaMemory } from './saga-memory.ts';

export interface ReplyReaderOptions {
  readonly broker: Broker;
  readonly memory: SagaMemory;
  readonly wake: (key: string) => void;
  readonly metrics: SagaMetrics;
  readonly logger: Logger;
  /** Every operator process reads all replies; one of them is enough to put an unreadable one among the dead letters. */
  readonly isLeader: () => boolean;
  readonly epochMillis: () => number;
}

/** All replies, of all services, from now on. One that nobody was waiting for changes nothing: a re-send brings it back. */
export function readReplies(options: ReplyReaderOptions): Promise<Subscription> {
  const { broker, memory, wake, metrics, logger } = options;
  return broker.tail(streamNames.replies, 'saga.reply.>', (message) => {
    const decoded = decodeMessage(replySchema, message);
    if (!decoded.ok) {
      metrics.replyReceived('unreadable');
      if (options.isLeader()) bury(message, decoded.reason, decoded.message);
      return;
    }
    const { sagaUid, ...reply } = decoded.value;
    const key = memory.deliver(sagaUid, { kind: 'ReplyArrived', ...reply });
    metrics.replyReceived(key === undefined ? 'unknown' : 'open');
    if (key !== undefined) wake(key);
  });

  function bury(
    message: IncomingMessage,
    reason: Parameters<typeof sendDeadLetter>[1]['reason'],
    why: string,
  ): void {
    const { subject, body } = message;
    sendDeadLetter(
      broker,
      { service: 'operator', reason, message: why, subject, body },
      message.headers,
      () => new Date(options.epochMillis()),
    ).catch((error: unknown) =>
      runInContext(contextFromHeaders(message.headers), () =>
        logger.error({ err: ensureError(error), subject }, 'cannot store a dead letter'),
      ),
    );
  }
}
