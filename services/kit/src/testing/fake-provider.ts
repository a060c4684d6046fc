import { RetryableError } from '@sagamesh/runtime/errors';
import type { Command } from '@sagamesh/contracts/messages';
import type { Tx } from '../db.ts';
import type { ExecuteOutcome, OutsideStep, UndoOutcome } from '../step.ts';

/** A payment provider in memory with an outside step on it, and hooks at each point where a process can die or be overtaken. */

type ObjectState = 'created' | 'captured' | 'cancelled' | 'refunded' | 'declined';
export type ProviderPoint = 'intended' | 'performing' | 'performed' | 'settling' | 'settled';

export class FakeProvider {
  readonly objects = new Map<string, ObjectState>();
  /** Every call that reached the provider, e.g. `capture obj-1`. */
  readonly calls: string[] = [];
  /** How often money moved. */
  captures = 0;
  refunds = 0;
  declines = false;
  at: (point: ProviderPoint) => Promise<void> = async () => undefined;

  create(reference: string): void {
    this.calls.push(`create ${reference}`);
    if (!this.objects.has(reference)) this.objects.set(reference, 'created');
  }

  capture(reference: string): ObjectState {
    this.calls.push(`capture ${reference}`);
    const state = this.objects.get(reference);
    if (state !== 'created' && state !== 'declined') return state ?? 'cancelled';
    const next = this.declines ? 'declined' : 'captured';
    if (next === 'captured') this.captures += 1;
    this.objects.set(reference, next);
    return next;
  }

  settle(reference: string): ObjectState {
    this.calls.push(`settle ${reference}`);
    const state = this.objects.get(reference);
    const next = state === 'captured' || state === 'refunded' ? 'refunded' : 'cancelled';
    if (state === 'captured') this.refunds += 1;
    this.objects.set(reference, next);
    return next;
  }
}

/** Its ledger is the table `ledger(saga_uid, kind)`; its result is the reference. */
export function outsideStep(provider: FakeProvider): OutsideStep {
  const record = async (tx: Tx, command: Command, kind: string) => {
    await tx.query('insert into ledger(saga_uid, kind) values ($1::uuid, $2)', [command.sagaUid, kind]);
  };
  return {
    kind: 'outside',
    execute: 'charge',
    compensate: 'refund',
    async intend(command) {
      if (command.order.paymentMethod === 'unknown')
        return { kind: 'rejected', reason: 'UnknownPaymentMethod', message: 'no such method' };
      const reference = `obj-${command.sagaUid}`;
      provider.create(reference);
      await provider.at('intended');
      return { reference };
    },
    async perform(_command, reference): Promise<ExecuteOutcome> {
      await provider.at('performing');
      const state = provider.capture(reference);
      await provider.at('performed');
      return state === 'captured'
        ? { kind: 'executed', result: { paymentId: reference } }
        : { kind: 'rejected', reason: 'CardDeclined', message: state };
    },
    async settle(_command, reference): Promise<UndoOutcome> {
      await provider.at('settling');
      provider.settle(reference);
      await provider.at('settled');
      return { result: { refund: reference } };
    },
    recordExecuted: (tx, command, _reference, outcome) => record(tx, command, outcome.kind),
    recordUndone: (tx, command) => record(tx, command, 'undone'),
  };
}

/** Dies at the given point, once: what was called was called, and the process never learned of it. */
export function dieOnceAt(provider: FakeProvider, where: ProviderPoint): void {
  provider.at = async (point) => {
    if (point !== where) return;
    provider.at = async () => undefined;
    throw new RetryableError('the process died here');
  };
}
