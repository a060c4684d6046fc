import { createHash } from 'node:crypto';
import { intakeEventType, refuseCommand } from '@sagamesh/contracts/broker-roles';
import { domainEventSchema } from '@sagamesh/contracts/domain-events';
import type { DomainEvent } from '@sagamesh/contracts/domain-events';
import { messageVersion } from '@sagamesh/contracts/messages';
import type { Command } from '@sagamesh/contracts/messages';
import {
  correlationIdAnnotation,
  orderSagaFinalizer,
  orderSagaGroup,
  orderSagaKind,
  orderSagaVersion,
} from '@sagamesh/contracts/order-saga';
import type { Order } from '@sagamesh/contracts/order';
import type { DeadLetterReason } from '@sagamesh/contracts/reasons';
import { commandSubject, eventSubject, intakeConsumerName, streamNames } from '@sagamesh/contracts/subjects';
import type { Broker, IncomingMessage, Subscription, Verdict } from '@sagamesh/runtime/broker';
import { runInContext } from '@sagamesh/runtime/correlation';
import type { WorkContext } from '@sagamesh/runtime/correlation';
import { decodeMessage, sendDeadLetter } from '@sagamesh/runtime/dead-letters';
import type { Decoded } from '@sagamesh/runtime/dead-letters';
import { ensureError } from '@sagamesh/runtime/errors';
import type { Logger } from '@sagamesh/runtime/logger';
import { contextFromHeaders, contextHeaders } from '@sagamesh/runtime/trace-context';
import { isAlreadyExists, isForbidden, isPermanentRefusal } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { cutText } from './cut-text.ts';
import { orderSagaResource } from './saga-object.ts';

/** The door from the order service: each `order.created` becomes an OrderSaga named from the order id. */

export interface IntakeOptions {
  readonly broker: Broker;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly logger: Logger;
  readonly epochMillis: () => number;
}

const createdSchema = domainEventSchema(intakeEventType);
const ack: Verdict = { kind: 'ack' };

export function startIntake(options: IntakeOptions): Promise<Subscription> {
  return options.broker.consume(
    {
      stream: streamNames.events,
      consumer: intakeConsumerName,
      filterSubject: eventSubject(intakeEventType),
      // The row is the truth and is announced again, but whoever ordered while no operator ran should not wait for that.
      deliver: 'all',
      ackWaitMillis: 30_000,
      concurrency: 8,
    },
    (message) => {
      const decoded = decodeMessage(createdSchema, message);
      const context = contextFromHeaders(message.headers, decoded.ok ? decoded.value.eventId : undefined);
      return runInContext(context, async (): Promise<Verdict> => {
        try {
          return await takeIn(options, message, decoded, context);
        } catch (error) {
          options.logger.warn({ err: ensureError(error) }, 'cannot take an order in yet');
          return { kind: 'retry', delayMillis: 2_000 };
        }
      });
    },
  );
}

async function takeIn(
  options: IntakeOptions,
  message: IncomingMessage,
  decoded: Decoded<DomainEvent<'order.created'>>,
  context: WorkContext,
): Promise<Verdict> {
  if (!decoded.ok) {
    await bury(options, message, decoded.reason, decoded.message);
    return ack;
  }
  const { eventId, payload } = decoded.value;
  const order: Order = { ...payload.order, sourceEventId: eventId };
  try {
    const saga = orderSagaFor(order, options.namespace, context.correlationId);
    await options.client.create(orderSagaResource, options.namespace, saga);
    options.logger.info({ orderId: order.id }, 'order taken in');
    return ack;
  } catch (error) {
    if (isAlreadyExists(error)) return await nameIsTaken(options, message, order);
    // A missing permission says nothing about the order.
    if (isPermanentRefusal(error) && !isForbidden(error)) {
      await refuse(options, message, order, 'RefusedByApiServer', ensureError(error).message);
      return ack;
    }
    throw error;
  }
}

/** The finalizer from the start: a delete before our first look must cancel the PENDING order, too. */
function orderSagaFor(order: Order, namespace: string, correlationId: string): object {
  return {
    apiVersion: `${orderSagaGroup}/${orderSagaVersion}`,
    kind: orderSagaKind,
    metadata: {
      name: order.id,
      namespace,
      finalizers: [orderSagaFinalizer],
      annotations: { [correlationIdAnnotation]: correlationId },
    },
    spec: { order },
  };
}

async function nameIsTaken(options: IntakeOptions, message: IncomingMessage, order: Order): Promise<Verdict> {
  const found = await options.client.get(orderSagaResource, { namespace: options.namespace, name: order.id });
  if (sourceEventOf(found) === order.sourceEventId) return ack;
  const why = `an OrderSaga ${options.namespace}/${order.id} exists and is not of this order; delete or rename it`;
  await refuse(options, message, order, 'NameTaken', why);
  return ack;
}

function sourceEventOf(object: object): string | undefined {
  const { spec } = object as { readonly spec?: { readonly order?: { readonly sourceEventId?: string } } };
  return spec?.order?.sourceEventId;
}

/** Nobody will drive this order: say so where people look, and have the order service cancel it visibly. */
async function refuse(
  options: IntakeOptions,
  message: IncomingMessage,
  order: Order,
  reason: DeadLetterReason,
  why: string,
): Promise<void> {
  const sagaUid = uuidFrom(order.sourceEventId ?? order.id);
  const command: Command = {
    version: messageVersion,
    commandId: `${sagaUid}/refuse/execute/${message.streamSequence}/${message.deliveryCount}`,
    sagaUid,
    orderId: order.id,
    step: 'refuse',
    action: refuseCommand.action,
    direction: 'execute',
    attempt: 1,
    deadline: new Date(options.epochMillis() + 60_000).toISOString(),
    order,
    with: { reason, message: cutText(why, 256) },
    results: {},
  };
  await bury(options, message, reason, why);
  await options.broker.publish({
    subject: commandSubject(refuseCommand.service, refuseCommand.action),
    body: command,
    messageId: command.commandId,
    headers: contextHeaders(),
  });
  options.logger.warn({ orderId: order.id, reason, why }, 'order refused');
}

/** A UUID (version 8, RFC 9562: custom) that is the same for the same source: refusing twice hits the same fence place. */
function uuidFrom(source: string): string {
  const hex = createHash('sha256').update(source).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

function bury(
  options: IntakeOptions,
  message: IncomingMessage,
  reason: DeadLetterReason,
  why: string,
): Promise<void> {
  const { subject, body, headers } = message;
  return sendDeadLetter(
    options.broker,
    { service: 'operator', reason, message: why, subject, body },
    headers,
    () => new Date(options.epochMillis()),
  );
}
