import { RetryableError } from '@sagamesh/runtime/errors';
import type { LocalStep, NewEvent } from '../step.ts';

/** A step whose effect is a row in `ledger`; `with.do` says how it behaves: `no`, `no-at-first`, `throw`, `leak`, `long-result`. */
export interface LocalStepProbe {
  readonly step: LocalStep;
  /** Awaited inside `apply`, after its effect. */
  hold: () => Promise<void>;
  soldOut: boolean;
}

function event(orderId: string, sagaUid: string): NewEvent {
  return {
    eventType: 'inventory.rejected',
    aggregateId: orderId,
    payload: { orderId, sagaUid, items: [{ sku: 'MOUSE', quantity: 1 }], reason: 'test' },
  };
}

export function localStep(): LocalStepProbe {
  const probe: LocalStepProbe = {
    hold: async () => undefined,
    soldOut: false,
    step: {
      kind: 'local',
      execute: 'reserve',
      compensate: 'release',
      async apply(tx, command) {
        const insert = 'insert into ledger(saga_uid, kind) values ($1::uuid, $2)';
        await tx.query(insert, [command.sagaUid, 'applied']);
        await probe.hold();
        switch (command.with['do'] ?? 'yes') {
          case 'throw':
            throw new RetryableError('the stock room is locked');
          case 'leak':
            throw new Error('password=hunter2 refused by 10.0.0.1');
          case 'long-result':
            return { kind: 'executed', result: { big: 'x'.repeat(300) } };
          case 'no': {
            // A handler that runs into a constraint and turns it into a business no.
            await tx.query('select 1 / 0').catch(() => undefined);
            const events = [event(command.orderId, command.sagaUid)];
            return { kind: 'rejected', reason: 'OutOfStock', message: 'no more', events };
          }
          default:
            if (probe.soldOut) return { kind: 'rejected', reason: 'OutOfStock', message: 'sold out' };
            return {
              kind: 'executed',
              result: { reservationId: `res-${command.sagaUid}` },
              events: [event(command.orderId, command.sagaUid)],
            };
        }
      },
      async undo(tx, command, executed) {
        if (command.with['do'] === 'throw') throw new RetryableError('not now');
        await tx.query('insert into ledger(saga_uid, kind) values ($1::uuid, $2)', [
          command.sagaUid,
          'undone',
        ]);
        return {
          result: { undone: executed['reservationId'] ?? 'nothing' },
          events: [event(command.orderId, command.sagaUid)],
        };
      },
    },
  };
  return probe;
}
