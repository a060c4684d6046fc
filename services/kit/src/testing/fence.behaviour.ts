import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '@sagamesh/contracts/messages';
import type { Db } from '../db.ts';
import type { Migration } from '../migrations.ts';
import { commandBuilder } from './command-builder.ts';
import { dieOnceAt, FakeProvider, outsideStep } from './fake-provider.ts';
import { localStep, type LocalStepProbe } from './local-step.ts';
import { openStepHarness, type StepHarness } from './step-harness.ts';

/** The fence table of docs/architecture.md, row by row, on a real database. */

const ledger = { id: 'ledger', sql: 'create table ledger(saga_uid uuid not null, kind text not null)' };

/** A database with the kit's tables and then the given ones. */
type Open = (migrations: readonly Migration[]) => Promise<Db>;

export interface FenceFixture {
  readonly db: Db;
  readonly harness: StepHarness;
  readonly probe: LocalStepProbe;
  readonly provider: FakeProvider;
  /** What took effect for the command's saga, in order. */
  readonly ledgerOf: (command: Command) => Promise<readonly string[]>;
}

export function useFence(open: Open): () => FenceFixture {
  let db: Db;
  let fixture: FenceFixture;
  beforeAll(async () => {
    db = await open([ledger]);
  });
  beforeEach(() => {
    const probe = localStep();
    const provider = new FakeProvider();
    const harness = openStepHarness({ service: 'test', db, steps: [probe.step, outsideStep(provider)] });
    const ledgerOf = async ({ sagaUid }: Command) => {
      const { rows } = await db.query<{ kind: string }>('select kind from ledger where saga_uid = $1::uuid', [
        sagaUid,
      ]);
      return rows.map((row) => row.kind);
    };
    fixture = { db, harness, probe, provider, ledgerOf };
  });
  afterAll(() => db.close());
  return () => fixture;
}

export const localSaga = () => {
  const command = commandBuilder({ step: 'reserveInventory', action: 'reserve' });
  return {
    execute: (change = {}) => command(change),
    compensate: (change = {}) => command({ direction: 'compensate', action: 'release', ...change }),
    revoke: () => command({ direction: 'revoke' }),
  };
};

export const outsideSaga = (paymentMethod = 'pm_card_visa') => {
  const command = commandBuilder({ step: 'processPayment', action: 'charge', order: { paymentMethod } });
  return {
    execute: (change = {}) => command(change),
    compensate: () => command({ direction: 'compensate', action: 'refund' }),
    revoke: () => command({ direction: 'revoke' }),
  };
};

export function describeFence(name: string, open: Open): void {
  describe(`the fence on ${name}, effect inside the database`, () => {
    localTests(useFence(open));
  });
  describe(`the fence on ${name}, effect outside`, () => {
    outsideTests(useFence(open));
  });
}

function localTests(fixture: () => FenceFixture): void {
  test('EXECUTE takes effect once, however often it comes, and always says the same', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    const first = await harness.send(saga.execute());
    const again = await harness.send(saga.execute({ attempt: 9, results: { x: 'y' } }));
    expect(first).toMatchObject({
      outcome: 'Executed',
      result: { reservationId: expect.stringMatching(/^res-/) },
    });
    expect(again).toMatchObject({ outcome: 'Executed', result: first.result });
    expect(again.commandId).not.toBe(first.commandId);
    expect(await ledgerOf(saga.execute())).toEqual(['applied']);
    expect((await harness.events()).filter((one) => one.aggregateId === saga.execute().orderId)).toHaveLength(
      1,
    );
  });

  test('another request at the place of an executed one is a Mismatch and changes nothing', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    await harness.send(saga.execute());
    const other = await harness.send(saga.execute({ with: { warehouse: 'south' } }));
    expect(other).toMatchObject({ outcome: 'Mismatch', reason: 'IdempotencyMismatch' });
    expect(await ledgerOf(saga.execute())).toEqual(['applied']);
    expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'executed' });
  });

  test('a business no leaves nothing but its row and its events, and sticks', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    const no = await harness.send(saga.execute({ with: { do: 'no' } }));
    expect(no).toMatchObject({ outcome: 'Rejected', reason: 'OutOfStock', message: 'no more' });
    expect(await ledgerOf(saga.execute())).toEqual([]);
    expect((await harness.events()).filter((one) => one.aggregateId === saga.execute().orderId)).toHaveLength(
      1,
    );
    expect(await harness.send(saga.execute({ with: { do: 'no' } }))).toMatchObject({
      outcome: 'Rejected',
      message: 'no more',
    });
  });

  test('a rejection stays one when the reason for it has gone', async () => {
    const { harness, probe, ledgerOf } = fixture();
    const saga = localSaga();
    probe.soldOut = true;
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Rejected' });
    probe.soldOut = false;
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Rejected', message: 'sold out' });
    expect(await ledgerOf(saga.execute())).toEqual([]);
  });

  test('COMPENSATE and REVOKE of a rejected step: nothing to undo, revoked, and the row stays', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    await harness.send(saga.execute({ with: { do: 'no' } }));
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'NothingToUndo' });
    expect(await harness.send(saga.revoke())).toMatchObject({ outcome: 'Revoked' });
    expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'rejected' });
    expect(await ledgerOf(saga.execute())).toEqual([]);
  });

  test('trouble rolls everything back, is told in the words of our own error, and can be tried again', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    const failed = await harness.send(saga.execute({ with: { do: 'throw' } }));
    expect(failed).toMatchObject({
      outcome: 'Failed',
      reason: 'Unavailable',
      message: 'the stock room is locked',
    });
    expect(await harness.fenceRow(saga.execute())).toBeUndefined();
    expect(await ledgerOf(saga.execute())).toEqual([]);
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Executed' });
  });

  test('the text of a foreign error is in the log only', async () => {
    const { harness } = fixture();
    const failed = await harness.send(localSaga().execute({ with: { do: 'leak' } }));
    expect(failed).toMatchObject({ outcome: 'Failed', reason: 'InternalError' });
    expect(JSON.stringify(failed)).not.toMatch(/hunter2|10\.0\.0\.1/);
    expect(harness.errors.map((error) => error.message)).toEqual(['password=hunter2 refused by 10.0.0.1']);
  });

  test('a result that the operator could not read is refused before it is stored', async () => {
    const { harness } = fixture();
    const saga = localSaga();
    const failed = await harness.send(saga.execute({ with: { do: 'long-result' } }));
    expect(failed).toMatchObject({ outcome: 'Failed', reason: 'Refused' });
    expect(await harness.fenceRow(saga.execute())).toBeUndefined();
  });

  test('COMPENSATE undoes an executed step once and repeats what it said; EXECUTE is fenced from then on', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    const { result } = await harness.send(saga.execute());
    const undone = await harness.send(saga.compensate());
    expect(undone).toMatchObject({ outcome: 'Compensated', result: { undone: result['reservationId'] } });
    expect(await harness.send(saga.compensate())).toMatchObject({
      outcome: 'Compensated',
      result: undone.result,
    });
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced', reason: 'StepFenced' });
    expect(await harness.send(saga.revoke())).toMatchObject({ outcome: 'Revoked' });
    expect(await ledgerOf(saga.execute())).toEqual(['applied', 'undone']);
  });

  test('an undo does not look at the request: a COMPENSATE with other parameters undoes', async () => {
    const { harness } = fixture();
    const saga = localSaga();
    await harness.send(saga.execute());
    const undone = await harness.send(
      saga.compensate({ with: { warehouse: 'south' }, order: { currency: 'USD' } }),
    );
    expect(undone).toMatchObject({ outcome: 'Compensated' });
  });

  test('an undo that fails leaves the step executed, to be undone later', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    await harness.send(saga.execute());
    expect(await harness.send(saga.compensate({ with: { do: 'throw' } }))).toMatchObject({
      outcome: 'Failed',
    });
    expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'executed' });
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
    expect(await ledgerOf(saga.execute())).toEqual(['applied', 'undone']);
  });

  test('COMPENSATE before EXECUTE leaves a tombstone: the late EXECUTE is fenced', async () => {
    const { harness, ledgerOf } = fixture();
    const saga = localSaga();
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'NothingToUndo' });
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'NothingToUndo' });
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
    expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'tombstone' });
    expect(await ledgerOf(saga.execute())).toEqual([]);
  });

  test('REVOKE decides an empty place for ever, and comes too late at an executed one', async () => {
    const { harness, ledgerOf } = fixture();
    const aborted = localSaga();
    expect(await harness.send(aborted.revoke())).toMatchObject({ outcome: 'Revoked' });
    expect(await harness.send(aborted.execute())).toMatchObject({ outcome: 'Fenced' });
    expect(await harness.send(aborted.revoke())).toMatchObject({ outcome: 'Revoked' });
    const committed = localSaga();
    await harness.send(committed.execute());
    expect(await harness.send(committed.revoke())).toMatchObject({ outcome: 'PivotPassed' });
    expect(await harness.fenceRow(committed.execute())).toMatchObject({ state: 'executed' });
    expect(await ledgerOf(committed.execute())).toEqual(['applied']);
  });

  test('two steps of one saga, and one step of two sagas, do not share a place', async () => {
    const { harness } = fixture();
    const saga = localSaga();
    await harness.send(saga.compensate());
    expect(await harness.send(saga.execute({ step: 'other' }))).toMatchObject({ outcome: 'Executed' });
    expect(await harness.send(localSaga().execute())).toMatchObject({ outcome: 'Executed' });
  });
}

function outsideTests(fixture: () => FenceFixture): void {
  test('EXECUTE captures once, however often it comes', async () => {
    const { harness, provider, ledgerOf } = fixture();
    const saga = outsideSaga();
    const first = await harness.send(saga.execute());
    expect(first).toMatchObject({
      outcome: 'Executed',
      result: { paymentId: expect.stringMatching(/^obj-/) },
    });
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Executed', result: first.result });
    expect(provider.captures).toBe(1);
    expect(await ledgerOf(saga.execute())).toEqual(['executed']);
    expect(await harness.send(saga.execute({ with: { a: 'b' } }))).toMatchObject({ outcome: 'Mismatch' });
  });

  test('the reference is committed as pending before the provider is asked for the effect', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga();
    let seen: unknown;
    provider.at = async (point) => {
      if (point === 'performing') seen = await harness.fenceRow(saga.execute());
    };
    await harness.send(saga.execute());
    expect(seen).toEqual({ state: 'pending', reference: `obj-${saga.execute().sagaUid}` });
  });

  test('dead after intending, before tx 1: nothing is there, and the next EXECUTE begins again', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga();
    dieOnceAt(provider, 'intended');
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Failed' });
    expect(await harness.fenceRow(saga.execute())).toBeUndefined();
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Executed' });
    expect(provider.captures).toBe(1);
  });

  test.each(['performing', 'performed'] as const)(
    'dead at "%s": the next EXECUTE finishes with one capture',
    async (point) => {
      const { harness, provider, ledgerOf } = fixture();
      const saga = outsideSaga();
      dieOnceAt(provider, point);
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Failed' });
      expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'pending' });
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Executed' });
      expect(provider.captures).toBe(1);
      expect(await ledgerOf(saga.execute())).toEqual(['executed']);
    },
  );

  test.each(['performing', 'performed'] as const)(
    'dead at "%s", then COMPENSATE: settled outside, then compensated',
    async (point) => {
      const { harness, provider, ledgerOf } = fixture();
      const saga = outsideSaga();
      dieOnceAt(provider, point);
      await harness.send(saga.execute());
      expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
      expect(provider.refunds).toBe(provider.captures);
      expect(await ledgerOf(saga.execute())).toEqual(['undone']);
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
      expect(provider.refunds).toBe(provider.captures);
    },
  );

  test('no answer from the provider while undoing: Failed, the row stays, the next COMPENSATE finishes with one refund', async () => {
    const { harness, provider, ledgerOf } = fixture();
    const saga = outsideSaga();
    await harness.send(saga.execute());
    dieOnceAt(provider, 'settled');
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Failed' });
    expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'executed' });
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
    expect(provider.refunds).toBe(1);
    expect(await ledgerOf(saga.execute())).toEqual(['executed', 'undone']);
  });

  test('COMPENSATE before EXECUTE never reaches the provider; the late EXECUTE is fenced', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga();
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'NothingToUndo' });
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
    expect(provider.calls).toEqual([]);
  });

  test('a no before anything was made is stored and sticks', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga('unknown');
    const no = { outcome: 'Rejected', reason: 'UnknownPaymentMethod' };
    expect(await harness.send(saga.execute())).toMatchObject(no);
    expect(await harness.send(saga.execute())).toMatchObject(no);
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'NothingToUndo' });
    expect(provider.calls).toEqual([]);
  });

  test('a declined object is settled before the no is told, so that it can never take money later', async () => {
    const { harness, provider, ledgerOf } = fixture();
    const saga = outsideSaga();
    provider.declines = true;
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Rejected', reason: 'CardDeclined' });
    expect([...provider.objects.values()]).toEqual(['cancelled']);
    expect(await ledgerOf(saga.execute())).toEqual(['rejected']);
    provider.declines = false;
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Rejected', reason: 'CardDeclined' });
    expect(provider.captures).toBe(0);
  });

  test.each(['execute', 'compensate'] as const)(
    'dead between the stored no and the settling: the next message (%s) settles',
    async (next) => {
      const { harness, provider } = fixture();
      const saga = outsideSaga();
      const reference = `obj-${saga.execute().sagaUid}`;
      provider.declines = true;
      dieOnceAt(provider, 'settling');
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Failed' });
      expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'rejected' });
      expect(provider.objects.get(reference)).toBe('declined');
      const outcome = next === 'execute' ? 'Rejected' : 'NothingToUndo';
      expect(await harness.send(saga[next]())).toMatchObject({ outcome });
      expect(provider.objects.get(reference)).toBe('cancelled');
    },
  );

  test('another request at a pending place is a Mismatch and does not reach the provider', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga();
    dieOnceAt(provider, 'performing');
    await harness.send(saga.execute());
    const before = provider.calls.length;
    expect(await harness.send(saga.execute({ with: { a: 'b' } }))).toMatchObject({ outcome: 'Mismatch' });
    expect(provider.calls).toHaveLength(before);
  });

  test('REVOKE at a pending place says what is wrong with the plan', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga();
    dieOnceAt(provider, 'performing');
    await harness.send(saga.execute());
    expect(await harness.send(saga.revoke())).toMatchObject({ outcome: 'Failed', reason: 'NotAPivot' });
    expect(await harness.fenceRow(saga.execute())).toMatchObject({ state: 'pending' });
  });

  test.each(['performing', 'performed'] as const)(
    'undone while the call runs (%s): no money is kept, and EXECUTE is fenced',
    async (point) => {
      const { harness, provider, ledgerOf } = fixture();
      const saga = outsideSaga();
      provider.at = async (reached) => {
        if (reached !== point) return;
        provider.at = async () => undefined;
        expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
      };
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
      expect(provider.captures).toBe(provider.refunds);
      expect(await ledgerOf(saga.execute())).toEqual(['undone']);
    },
  );

  test('undone between intending and tx 1: the tombstone stands, and the provider is not asked for the effect', async () => {
    const { harness, provider } = fixture();
    const saga = outsideSaga();
    provider.at = async () => {
      provider.at = async () => undefined;
      expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'NothingToUndo' });
    };
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
    expect(provider.captures).toBe(0);
  });

  test('two COMPENSATEs at the same time: one refund, one record, both say the same', async () => {
    const { harness, provider, ledgerOf } = fixture();
    const saga = outsideSaga();
    await harness.send(saga.execute());
    provider.at = async (point) => {
      if (point !== 'settled') return;
      provider.at = async () => undefined;
      expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
    };
    expect(await harness.send(saga.compensate())).toMatchObject({ outcome: 'Compensated' });
    expect(provider.refunds).toBe(1);
    expect(await ledgerOf(saga.execute())).toEqual(['executed', 'undone']);
  });

  test('two EXECUTEs in the same call: one record, both say Executed', async () => {
    const { harness, provider, ledgerOf } = fixture();
    const saga = outsideSaga();
    provider.at = async (point) => {
      if (point !== 'performed') return;
      provider.at = async () => undefined;
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Executed' });
    };
    expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Executed' });
    expect(provider.captures).toBe(1);
    expect(await ledgerOf(saga.execute())).toEqual(['executed']);
  });
}
