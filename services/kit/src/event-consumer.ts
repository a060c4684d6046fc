import { deadLetterReasons, type DeadLetterReason } from '@sagamesh/contracts/reasons';
import { eventConsumerName, eventSubject, streamNames } from '@sagamesh/contracts/subjects';
import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Broker, IncomingMessage, Subscription, Verdict } from '@sagamesh/runtime/broker';
import { runInContext } from '@sagamesh/runtime/correlation';
import { sendDeadLetter } from '@sagamesh/runtime/dead-letters';
import { ensureError, TerminalError } from '@sagamesh/runtime/errors';
import type { Logger } from '@sagamesh/runtime/logger';
import { contextFromHeaders } from '@sagamesh/runtime/trace-context';
import type { EventReceipt, EventStorage, EventSubscription } from './inbox.ts';
import { redeliveryDelayMillis } from './retry-delay.ts';

/** Brings domain events from the broker to their handlers: acknowledged when handled, tried again later, or kept among the dead letters. */

export interface EventConsumerOptions {
  readonly service: string;
  readonly broker: Broker;
  readonly logger: Logger;
  readonly storage: EventStorage | undefined;
  readonly subscriptions: readonly EventSubscription[];
  readonly concurrency: number;
}

/** The broker is told that work goes on for as long as it does, so this is only how long a dead process keeps its messages. */
export const ackWaitMillis = 4_000;

export async function startEventConsumers(options: EventConsumerOptions): Promise<readonly Subscription[]> {
  return Promise.all(
    options.subscriptions.map((subscription) =>
      options.broker.consume(
        {
          stream: streamNames.events,
          consumer: eventConsumerName(options.service, subscription.eventType),
          filterSubject: eventSubject(subscription.eventType),
          deliver: subscription.deliver,
          ackWaitMillis,
          concurrency: options.concurrency,
        },
        (message) =>
          runInContext(contextFromHeaders(message.headers), () => receive(options, subscription, message)),
      ),
    ),
  );
}

async function receive(
  options: EventConsumerOptions,
  subscription: EventSubscription,
  message: IncomingMessage,
): Promise<Verdict> {
  const { logger, storage } = options;
  let receipt: EventReceipt;
  try {
    receipt = await subscription.receive(message, storage);
  } catch (thrown) {
    const error = ensureError(thrown);
    if (error instanceof TerminalError)
      return bury(options, message, deadLetterReasons.Refused, error.message);
    const delayMillis = redeliveryDelayMillis(message.deliveryCount);
    logger.warn({ err: error, eventType: subscription.eventType, delayMillis }, 'event failed, trying again');
    return { kind: 'retry', delayMillis };
  }
  switch (receipt.kind) {
    case 'processed':
    case 'duplicate': {
      const { eventId, eventType, aggregateId } = receipt.event;
      const text = receipt.kind === 'processed' ? 'event processed' : 'event was processed before';
      logger.info({ eventId, eventType, aggregateId }, text);
      return { kind: 'ack' };
    }
    case 'unreadable':
      return bury(options, message, receipt.reason, receipt.message);
    default:
      return unreachable(receipt);
  }
}

type BuryOptions = Pick<EventConsumerOptions, 'service' | 'broker' | 'logger'>;

/** Kept first, acknowledged then: while the dead letters cannot be stored, the message stays where it is. */
export async function bury(
  { service, broker, logger }: BuryOptions,
  incoming: IncomingMessage,
  reason: DeadLetterReason,
  text: string,
): Promise<Verdict> {
  const { subject, body, headers } = incoming;
  try {
    await sendDeadLetter(broker, { service, reason, message: text, subject, body }, headers);
  } catch (thrown) {
    logger.error(
      { err: ensureError(thrown), subject, reason },
      'a dead letter could not be stored, trying again',
    );
    return { kind: 'retry', delayMillis: redeliveryDelayMillis(incoming.deliveryCount) };
  }
  logger.warn({ subject, reason, detail: text }, 'message put among the dead letters');
  return { kind: 'ack' };
}
