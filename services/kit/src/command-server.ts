import { Histogram } from 'prom-client';
import { commandSchema, type Command, type Reply } from '@sagamesh/contracts/messages';
import { deadLetterReasons } from '@sagamesh/contracts/reasons';
import { commandConsumerName, commandSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import type { Broker, IncomingMessage, Subscription, Verdict } from '@sagamesh/runtime/broker';
import { runInContext } from '@sagamesh/runtime/correlation';
import { decodeMessage } from '@sagamesh/runtime/dead-letters';
import { ensureError } from '@sagamesh/runtime/errors';
import type { Logger } from '@sagamesh/runtime/logger';
import type { Metrics } from '@sagamesh/runtime/metrics';
import { contextFromHeaders, contextHeaders } from '@sagamesh/runtime/trace-context';
import { ackWaitMillis, bury } from './event-consumer.ts';
import type { Fence } from './fence.ts';
import { redeliveryDelayMillis } from './retry-delay.ts';
import { actionsOf, handlerOf } from './step-registry.ts';
import type { StepHandler } from './step.ts';

/**
 * Commands in, replies out: decode -> fence -> reply -> ack. The acknowledgement comes last, so a process that dies on the way gets the
 * command again; the fence makes that harmless.
 */

export interface CommandServerOptions {
  readonly service: string;
  readonly broker: Broker;
  readonly fence: Fence;
  readonly steps: readonly StepHandler[];
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Commands of one action that run at once. */
  readonly concurrency: number;
}

type Observe = (labels: { action: string; direction: string; outcome: string }, seconds: number) => void;

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function createObserver(metrics: Metrics | undefined): Observe {
  if (metrics === undefined) return () => undefined;
  const histogram = new Histogram({
    name: 'saga_command_duration_seconds',
    help: 'Time from the delivery of a command to its reply, by what was replied.',
    labelNames: ['action', 'direction', 'outcome'] as const,
    buckets,
    registers: [metrics.registry],
  });
  return (labels, seconds) => histogram.observe(labels, seconds);
}

/** One durable consumer per action. Resolves when all of them exist at the server. */
export async function startCommandServer(options: CommandServerOptions): Promise<readonly Subscription[]> {
  const observe = createObserver(options.metrics);
  return Promise.all(
    actionsOf(options.steps).map((action) =>
      options.broker.consume(
        {
          stream: streamNames.commands,
          consumer: commandConsumerName(options.service, action),
          filterSubject: commandSubject(options.service, action),
          deliver: 'new',
          ackWaitMillis,
          concurrency: options.concurrency,
        },
        (message) => receive(options, observe, action, message),
      ),
    ),
  );
}

async function receive(
  options: CommandServerOptions,
  observe: Observe,
  action: string,
  message: IncomingMessage,
): Promise<Verdict> {
  const beganMillis = performance.now();
  const decoded = decodeMessage(commandSchema, message);
  // Without an id of its own a command's correlation id is its saga.
  const context = contextFromHeaders(message.headers, decoded.ok ? decoded.value.sagaUid : undefined);
  return runInContext(context, async () => {
    if (!decoded.ok) return bury(options, message, decoded.reason, decoded.message);
    const command = decoded.value;
    const handler =
      command.action === action ? handlerOf(options.steps, action, command.direction) : undefined;
    if (handler === undefined) {
      const text = `${options.service} does not ${command.direction} "${command.action}" on ${message.subject}`;
      return bury(options, message, deadLetterReasons.UnknownAction, text);
    }
    const reply = await options.fence.handle(handler, command);
    const verdict = await sendReply(options, command, reply, message.deliveryCount);
    const seconds = (performance.now() - beganMillis) / 1_000;
    observe({ action, direction: command.direction, outcome: reply.outcome }, seconds);
    return verdict;
  });
}

/** No message id: the reply to a repeated command is a message of its own. When it cannot be sent, the command comes again. */
async function sendReply(
  { service, broker, logger }: CommandServerOptions,
  command: Command,
  reply: Reply,
  deliveryCount: number,
): Promise<Verdict> {
  const { sagaUid, orderId, step, action, direction } = command;
  const line = { sagaUid, orderId, step, action, direction, outcome: reply.outcome, reason: reply.reason };
  try {
    await broker.publish({ subject: replySubject(service), body: reply, headers: contextHeaders() });
  } catch (thrown) {
    logger.warn({ ...line, err: ensureError(thrown) }, 'the reply could not be sent, trying again');
    return { kind: 'retry', delayMillis: redeliveryDelayMillis(deliveryCount) };
  }
  logger.info(line, 'command handled');
  return { kind: 'ack' };
}
