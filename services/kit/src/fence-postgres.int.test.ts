import { afterAll, describe, expect, test } from 'vitest';
import { dieOnceAt } from './testing/fake-provider.ts';
import type { Command } from '@sagamesh/contracts/messages';
import {
  describeFence,
  localSaga,
  outsideSaga,
  useFence,
  type FenceFixture,
} from './testing/fence.behaviour.ts';
import { openTestDatabase, stopTestPostgres } from './testing/test-database.ts';
import type { Migration } from './migrations.ts';

const openPostgres = (migrations: readonly Migration[]) => openTestDatabase('postgres', migrations);

afterAll(stopTestPostgres);

describeFence('postgres', openPostgres);

/** Which transactions wait for a lock: the fact that tells that two messages met at one place. */
async function someoneWaits(fixture: FenceFixture): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await fixture.db.query<{ waiting: number }>(
        `select count(*) as waiting from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows[0]?.waiting;
    })
    .toBe(1);
}

/** `first` is stopped in the middle of its transaction until `second` waits for it. */
async function meet(fixture: FenceFixture, first: Command, second: Command) {
  let goOn: () => void = () => undefined;
  const inside = new Promise<void>((entered) => {
    fixture.probe.hold = () => {
      fixture.probe.hold = async () => undefined;
      entered();
      return new Promise((resolve) => (goOn = resolve));
    };
  });
  const firstReply = fixture.harness.send(first);
  await inside;
  const secondReply = fixture.harness.send(second);
  await someoneWaits(fixture);
  goOn();
  return [(await firstReply).outcome, (await secondReply).outcome];
}

describe('races on two connections', () => {
  const fixture = useFence(openPostgres);

  test('EXECUTE meets EXECUTE: one effect, both say Executed', async () => {
    const saga = localSaga();
    expect(await meet(fixture(), saga.execute(), saga.execute())).toEqual(['Executed', 'Executed']);
    expect(await fixture().ledgerOf(saga.execute())).toEqual(['applied']);
  });

  test('EXECUTE meets another request: the second is a Mismatch', async () => {
    const saga = localSaga();
    const other = saga.execute({ with: { a: 'b' } });
    expect(await meet(fixture(), saga.execute(), other)).toEqual(['Executed', 'Mismatch']);
  });

  test('COMPENSATE meets an EXECUTE under way: it waits, then undoes it', async () => {
    const saga = localSaga();
    expect(await meet(fixture(), saga.execute(), saga.compensate())).toEqual(['Executed', 'Compensated']);
    expect(await fixture().ledgerOf(saga.execute())).toEqual(['applied', 'undone']);
  });

  test('REVOKE meets an EXECUTE under way: it waits, and the pivot is passed', async () => {
    const saga = localSaga();
    expect(await meet(fixture(), saga.execute(), saga.revoke())).toEqual(['Executed', 'PivotPassed']);
  });

  test('REVOKE meets an EXECUTE that fails: the place is empty again, and it is taken', async () => {
    const saga = localSaga();
    const failing = saga.execute({ with: { do: 'throw' } });
    expect(await meet(fixture(), failing, saga.revoke())).toEqual(['Failed', 'Revoked']);
    expect(await fixture().harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
    expect(await fixture().ledgerOf(saga.execute())).toEqual([]);
  });

  test('thirty messages of all kinds at one place, many times: one story that all replies agree with', async () => {
    const { harness, ledgerOf } = fixture();
    const stories = new Set<string>();
    for (let round = 0; round < 30; round += 1) {
      const saga = localSaga();
      const kinds = [saga.execute, saga.compensate, saga.revoke] as const;
      const commands = Array.from({ length: 30 }, (_, index) =>
        (kinds[(index * 7 + round) % 3] ?? saga.execute)(),
      );
      const replies = await Promise.all(commands.map((command) => harness.send(command)));
      const outcomes = new Set(replies.map((reply) => reply.outcome));
      const executed = outcomes.has('Executed');
      expect(outcomes).not.toContain('Failed');
      expect(await ledgerOf(saga.execute())).toEqual(executed ? ['applied', 'undone'] : []);
      expect(outcomes.has('PivotPassed') && !executed).toBe(false);
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Fenced' });
      stories.add(executed ? 'executed first' : 'buried first');
    }
    expect(stories).toEqual(new Set(['executed first', 'buried first']));
  });

  test('thirty EXECUTEs and COMPENSATEs at one pending place: never money kept, one record of each', async () => {
    const { harness, provider, ledgerOf } = fixture();
    for (let round = 0; round < 10; round += 1) {
      const saga = outsideSaga();
      dieOnceAt(provider, 'performing');
      expect(await harness.send(saga.execute())).toMatchObject({ outcome: 'Failed' });
      provider.at = () => new Promise((resolve) => setImmediate(resolve));
      const commands = Array.from({ length: 30 }, (_, index) =>
        (index * 7 + round) % 5 < 3 ? saga.execute() : saga.compensate(),
      );
      const replies = await Promise.all(commands.map((command) => harness.send(command)));
      expect(replies.map((reply) => reply.outcome)).not.toContain('Failed');
      expect(provider.captures).toBe(provider.refunds);
      const effects = await ledgerOf(saga.execute());
      expect(new Set(effects).size).toBe(effects.length);
      expect(['Fenced', 'Rejected']).toContain((await harness.send(saga.execute())).outcome);
    }
  });
});
