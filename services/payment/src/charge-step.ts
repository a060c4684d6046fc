import type { Command } from '@sagamesh/contracts/messages';
import { orderTotalCents } from '@sagamesh/contracts/order';
import type { ExecuteOutcome, NewEvent, OutsideStep, UndoOutcome } from '@sagamesh/kit/step';
import { RetryableError } from '@sagamesh/runtime/errors';
import { nextChargeMove, nextSettleMove } from './charge-decision.ts';
import type { PaymentGateway, Refunds } from './payment-gateway.ts';
import { recordCaptured, recordDeclined, recordUndone } from './payment-store.ts';

/** read, confirm, cancel, read again: no honest course of events needs more acts than this in one attempt. */
const actsMax = 5;
const busyRetryMillis = 1_000;
const noRefunds: Refunds = { refundedCents: 0, failedCount: 0 };

/** charge / refund: money moves at the provider, so the payment is made without effect first and read before every act. */
export function createChargeStep(gateway: PaymentGateway): OutsideStep {
  return {
    kind: 'outside',
    execute: 'charge',
    compensate: 'refund',
    intend: (command) => intend(gateway, command),
    perform: (command, reference) => perform(gateway, command, reference),
    settle: (command, reference) => settle(gateway, command, reference),
    recordExecuted: (tx, command, reference, outcome) =>
      outcome.kind === 'executed'
        ? recordCaptured(tx, paymentOf(command, reference))
        : recordDeclined(tx, paymentOf(command, reference), outcome.reason),
    recordUndone: (tx, command, reference, outcome) =>
      recordUndone(tx, paymentOf(command, reference), refundedCentsOf(outcome)),
  };
}

function paymentOf(command: Command, paymentId: string) {
  return {
    paymentId,
    sagaUid: command.sagaUid,
    step: command.step,
    orderId: command.orderId,
    amountCents: orderTotalCents(command.order),
    currency: command.order.currency,
  };
}

async function intend(gateway: PaymentGateway, command: Command) {
  const answer = await gateway.create({
    sagaUid: command.sagaUid,
    step: command.step,
    orderId: command.orderId,
    amountCents: orderTotalCents(command.order),
    currency: command.order.currency,
    paymentMethod: command.order.paymentMethod,
  });
  return answer.kind === 'created'
    ? { reference: answer.paymentId }
    : ({ kind: 'rejected', reason: answer.reason, message: answer.message } as const);
}

async function perform(
  gateway: PaymentGateway,
  command: Command,
  paymentId: string,
): Promise<ExecuteOutcome> {
  let payment = await gateway.read(paymentId);
  for (let act = 0; act < actsMax; act += 1) {
    // Found captured before we did anything: an undo may have given it back already and died before it could say so.
    const found = act === 0 && payment.phase === 'captured';
    const move = nextChargeMove(payment, found ? await gateway.readRefunds(paymentId) : noRefunds);
    switch (move.kind) {
      case 'confirm':
        payment = await gateway.confirm(paymentId);
        break;
      case 'cancel':
        payment = await gateway.cancel(paymentId, 'declined');
        break;
      case 'wait':
        throw busy(paymentId);
      case 'executed':
        return { kind: 'executed', result: { paymentId }, events: [captured(command, paymentId)] };
      case 'rejected':
        return { ...move, events: [declined(command, paymentId, move.reason)] };
    }
  }
  throw busy(paymentId);
}

async function settle(gateway: PaymentGateway, command: Command, paymentId: string): Promise<UndoOutcome> {
  let payment = await gateway.read(paymentId);
  for (let act = 0; act < actsMax; act += 1) {
    // Refunds are read before each decision: one may have been made by an attempt that never came to tell.
    const refunds = payment.phase === 'captured' ? await gateway.readRefunds(paymentId) : noRefunds;
    const move = nextSettleMove(payment, refunds);
    switch (move.kind) {
      case 'cancel':
        payment = await gateway.cancel(paymentId, 'undone');
        break;
      case 'refund':
        await gateway.refund(paymentId, `${command.sagaUid}/${command.step}/refund-${refunds.failedCount}`);
        break;
      case 'wait':
        throw busy(paymentId);
      case 'settled':
        return {
          result: { paymentId },
          events: move.refundedCents === 0 ? [] : [refunded(command, paymentId, move.refundedCents)],
        };
    }
  }
  throw busy(paymentId);
}

function busy(paymentId: string): RetryableError {
  return new RetryableError(`The provider is still at work on ${paymentId}.`, {
    retryAfterMillis: busyRetryMillis,
  });
}

function about(command: Command, paymentId: string, amountCents = orderTotalCents(command.order)) {
  const { orderId, sagaUid, order } = command;
  return { orderId, sagaUid, paymentId, amountCents, currency: order.currency };
}

function captured(command: Command, paymentId: string): NewEvent {
  return { eventType: 'payment.captured', aggregateId: paymentId, payload: about(command, paymentId) };
}

function declined(command: Command, paymentId: string, reason: string): NewEvent {
  return {
    eventType: 'payment.declined',
    aggregateId: paymentId,
    payload: { ...about(command, paymentId), reason },
  };
}

function refunded(command: Command, paymentId: string, amountCents: number): NewEvent {
  const { customerId, contact } = command.order;
  return {
    eventType: 'payment.refunded',
    aggregateId: paymentId,
    payload: { ...about(command, paymentId, amountCents), customerId, ...(contact ? { contact } : {}) },
  };
}

/** What `settle` gave back; 0 when no money had been taken. */
function refundedCentsOf(outcome: UndoOutcome): number {
  const event = outcome.events?.find((event) => event.eventType === 'payment.refunded');
  return event?.eventType === 'payment.refunded' ? event.payload.amountCents : 0;
}
