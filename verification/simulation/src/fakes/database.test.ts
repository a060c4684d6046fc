import type { Db, SessionLock, Tx } from '@sagamesh/kit/db';
import { RetryableError } from '@sagamesh/runtime/errors';
import { describe, expect, it } from 'vitest';
import type { Fault, WindowFaultKind } from '../kernel/fault.ts';
import { Host, type SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { SimDatabase } from './database.ts';
import { bareEngine } from './service-databases.ts';

/** A database and hosts that connect to it when they start. */
function world(faults: readonly Fault[] = []) {
  const sim = new Sim({ seed: 7 });
  const database = new SimDatabase(sim, 'order', bareEngine(sim));
  sim.faults.plan(faults);
  const start = (name: string, program: (db: Db, process: SimProcess) => Promise<void> | void): Host => {
    const host = new Host({
      sim,
      name,
      role: 'order',
      program: (process) => program(database.connect(process), process),
    });
    sim.after(1, () => host.start());
    return host;
  };
  const written = () => database.engine.inbox.committedRows().map((row) => row.event_id);
  return { sim, database, start, written };
}

async function write(tx: Tx, eventId: string): Promise<void> {
  await tx.query(
    'insert into inbox(event_id, handler) values ($1, $2) on conflict do nothing returning 1 as one',
    [eventId, 'test'],
  );
}

const always = (kind: WindowFaultKind): Fault => ({ kind, atMillis: 0, forMillis: 5_000, probability: 1 });
const crashAtCommit = (side: 'before' | 'after'): Fault => ({
  kind: 'process.crashAt',
  atMillis: 0,
  host: 'order-1',
  downMillis: 60_000,
  effect: 'commit',
  side,
  skip: 0,
});
const pauseOf = (forMillis: number): Fault => ({
  kind: 'process.pause',
  atMillis: 100,
  host: 'order-1',
  forMillis,
});
const forever = () => new Promise<void>(() => undefined);

describe('the commit of a simulated database', () => {
  it.each([
    ['before', []],
    ['after', ['a']],
  ] as const)(
    'whose process dies %s it leaves %j, nobody hears, and the next gets its turn',
    async (side, left) => {
      const { sim, start, written } = world([crashAtCommit(side)]);
      const heard: string[] = [];
      start('order-1', async (db) => {
        await db.tx(async (tx) => {
          await write(tx, 'a');
          tx.afterCommit(() => heard.push('afterCommit'));
        });
        heard.push('committed');
      });
      await sim.runUntil(1_000);
      expect(written()).toEqual(left);
      expect(heard).toEqual([]);
      start('order-2', (db) => db.tx((tx) => write(tx, 'b')));
      await sim.runUntil(2_000);
      expect(written()).toEqual([...left, 'b']);
    },
  );

  it.each([
    ['db.abort', []],
    ['db.commitLost', []],
    ['db.commitUnknown', ['a']],
  ] as const)('under %s leaves %j and throws what may be tried again', async (kind, left) => {
    const { sim, start, written } = world([always(kind)]);
    const heard: unknown[] = [];
    start('order-1', (db) =>
      db
        .tx(async (tx) => {
          await write(tx, 'a');
          tx.afterCommit(() => heard.push('afterCommit'));
        })
        .catch((thrown: unknown) => void heard.push(thrown)),
    );
    await sim.runUntil(1_000);
    expect(written()).toEqual(left);
    expect(heard).toEqual([expect.any(RetryableError)]);
    expect(sim.faults.bitten.get(kind)).toBe(1);
  });

  it('that was sent is carried out although the process dies before it arrives', async () => {
    const { sim, start, written } = world();
    const host: Host = start('order-1', (db) =>
      db.tx(async (tx) => {
        await write(tx, 'a');
        // COMMIT is on its way then; it takes at least 0.2 ms.
        sim.after(0.1, () => host.crash(60_000));
      }),
    );
    await sim.runUntil(1_000);
    expect(written()).toEqual(['a']);
  });
});

describe('a transaction', () => {
  it('takes no virtual time for its statements, and shows its rows to nobody before the commit', async () => {
    const { sim, start, written } = world();
    const seen: unknown[] = [];
    start('order-1', (db) =>
      db.tx(async (tx) => {
        const before = sim.eventsRun;
        for (const name of ['a', 'b', 'c']) await write(tx, name);
        seen.push(sim.eventsRun - before, written());
      }),
    );
    await sim.runUntil(1_000);
    expect(seen).toEqual([0, []]);
    expect(written()).toEqual(['a', 'b', 'c']);
  });

  it('is rolled back when its process dies in the middle of it, and frees its turn', async () => {
    const { sim, start, written } = world([
      { kind: 'process.crash', atMillis: 100, host: 'order-1', downMillis: 60_000 },
    ]);
    start('order-1', (db) => db.tx((tx) => write(tx, 'a').then(forever)));
    start('order-2', (db, process) => {
      process.clock.schedule(50, () => void db.tx((tx) => write(tx, 'b')));
    });
    await sim.runUntil(90);
    expect(written()).toEqual([]);
    await sim.runUntil(1_000);
    expect(written()).toEqual(['b']);
  });

  it('of a paused process is held until it goes on', async () => {
    const { sim, start, written } = world([pauseOf(5_000)]);
    start('order-1', (db, process) =>
      db.tx(async (tx) => {
        await write(tx, 'a');
        await new Promise<void>((resolve) => void process.clock.schedule(200, resolve));
      }),
    );
    start('order-2', (db) => db.tx((tx) => write(tx, 'b')));
    await sim.runUntil(5_000);
    expect(written()).toEqual([]);
    await sim.runUntil(6_000);
    expect(written()).toEqual(['a', 'b']);
  });

  it('of a process that is paused for too long is ended by the server, and says so when it goes on', async () => {
    const { sim, start, written } = world([pauseOf(20_000)]);
    const heard: unknown[] = [];
    start('order-1', (db, process) =>
      db
        .tx(async (tx) => {
          await write(tx, 'a');
          await new Promise<void>((resolve) => void process.clock.schedule(200, resolve));
          heard.push(await write(tx, 'c').catch((thrown: unknown) => thrown));
        })
        .catch((thrown: unknown) => void heard.push(thrown)),
    );
    start('order-2', (db, process) => {
      process.clock.schedule(1_000, () => void db.tx((tx) => write(tx, 'b')));
    });
    await sim.runUntil(15_000);
    expect(written()).toEqual(['b']);
    await sim.runUntil(30_000);
    expect(heard).toEqual([expect.any(RetryableError), expect.any(RetryableError)]);
    expect(written()).toEqual(['b']);
  });

  it('that waits too long for its turn is cancelled', async () => {
    const { sim, start, database } = world();
    const heard: unknown[] = [];
    database.turn.take(() => undefined);
    start('order-1', (db) =>
      db.tx((tx) => write(tx, 'a')).catch((thrown: unknown) => void heard.push(thrown)),
    );
    await sim.runUntil(9_000);
    expect(heard).toEqual([]);
    await sim.runUntil(11_000);
    expect(heard).toEqual([expect.any(RetryableError)]);
  });
});

describe('a simulated database', () => {
  it('does the same for the same seed and the same faults, and shows in the trace that more was written', async () => {
    const hashOf = async (names: readonly string[]) => {
      const { sim, start } = world([
        { kind: 'db.abort', atMillis: 0, forMillis: 500, probability: 0.3 },
        { kind: 'db.slow', atMillis: 0, forMillis: 500, probability: 0.3 },
      ]);
      for (const host of ['order-1', 'order-2']) {
        start(host, async (db) => {
          for (let round = 0; round < 20; round += 1) {
            await db
              .tx(async (tx) => {
                for (const name of names) await write(tx, `${host}/${round}/${name}`);
              })
              .catch(() => undefined);
          }
        });
      }
      await sim.runUntil(60_000);
      return sim.trace.hash;
    };
    const first = await hashOf(['a', 'b']);
    expect(await hashOf(['a', 'b'])).toBe(first);
    expect(await hashOf(['a', 'b', 'c'])).not.toBe(first);
  });

  it('answers a read outside of transactions after the transaction before it', async () => {
    const { sim, start } = world();
    const seen: number[] = [];
    start('order-1', (db, process) =>
      db.tx(async (tx) => {
        await write(tx, 'a');
        await new Promise<void>((resolve) => void process.clock.schedule(2_000, resolve));
      }),
    );
    start('order-2', (db, process) => {
      process.clock.schedule(50, () => {
        void db
          .query(
            `select seq, event_id, event_type, aggregate_id, event, correlation_id, traceparent, resends
             from outbox where published_at is null order by seq limit 256`,
          )
          .then(() => seen.push(sim.nowMillis));
      });
    });
    await sim.runUntil(5_000);
    expect(seen[0]).toBeGreaterThan(2_000);
  });

  it.each(['tx', 'query'] as const)('that is away refuses every %s for now', async (how) => {
    const { sim, start } = world([always('db.away')]);
    const heard: unknown[] = [];
    const caught = (thrown: unknown) => void heard.push(thrown);
    start('order-1', (db) =>
      how === 'tx'
        ? db.tx((tx) => write(tx, 'a')).catch(caught)
        : db.query('select id from orders where source_event_id = $1', ['x']).then(() => undefined, caught),
    );
    await sim.runUntil(1_000);
    expect(heard).toEqual([expect.any(RetryableError)]);
  });

  it('that is slow answers late', async () => {
    const durationOf = async (faults: readonly Fault[]) => {
      const { sim, start } = world(faults);
      let endedMillis = Infinity;
      start('order-1', async (db) => {
        await db.tx((tx) => write(tx, 'a'));
        endedMillis = sim.nowMillis;
      });
      await sim.runUntil(20_000);
      return endedMillis;
    };
    const slowMillis = await durationOf([always('db.slow')]);
    expect(slowMillis).toBeLessThan(20_000);
    expect(slowMillis).toBeGreaterThan(2 * (await durationOf([])));
  });

  it('refuses a statement that it does not know, with its text, and remembers it', async () => {
    const { sim, start, database } = world();
    const heard: unknown[] = [];
    start('order-1', (db) =>
      db.query('select nonsense').then(
        () => undefined,
        (thrown: unknown) => void heard.push(thrown),
      ),
    );
    await sim.runUntil(1_000);
    expect(String(heard[0])).toContain('does not know this statement: select nonsense');
    expect([...database.engine.unknownStatements]).toEqual(['select nonsense']);
  });

  it('gives a lock to one process until it dies', async () => {
    const { sim, start } = world([
      { kind: 'process.crash', atMillis: 100, host: 'order-1', downMillis: 60_000 },
    ]);
    const locks: (SessionLock | undefined)[] = [];
    const lock = (db: Db) => db.tryLock('relay').then((given) => void locks.push(given));
    start('order-1', lock);
    start('order-2', (db, process) => {
      process.clock.schedule(50, () => void lock(db));
      process.clock.schedule(150, () => void lock(db));
    });
    await sim.runUntil(1_000);
    expect(locks.map((given) => given?.held())).toEqual([false, undefined, true]);
  });

  it('keeps the committed changes of fence rows in order', async () => {
    const { sim, start, database } = world();
    const insert = `insert into saga_fence(saga_uid, step, state, req_hash, reference, reply, action, order_id)
      values ($1::uuid, $2, $3, $4, $5, $6::jsonb, $7, $8)
      on conflict (saga_uid, step) do nothing returning 1 as one`;
    const move = `update saga_fence set state = $3, reply = $4::jsonb, changed_at = now()
      where saga_uid = $1::uuid and step = $2`;
    const sagaUid = '00000000-0000-4000-8000-000000000001';
    start('order-1', async (db) => {
      const put = (tx: Tx) => tx.query(insert, [sagaUid, 's', 'pending', 'h', 'r', '{}', 'act', 'o']);
      await db.tx(async (tx) => put(tx).then(() => Promise.reject(new Error('no')))).catch(() => undefined);
      await db.tx(async (tx) => {
        await put(tx);
        await tx.query(move, [sagaUid, 's', 'executed', '{}']);
      });
      await db.query(move, [sagaUid, 's', 'compensated', '{}']);
    });
    await sim.runUntil(1_000);
    const { fenceHistory } = database.engine;
    expect(fenceHistory.map(({ before, after }) => [before?.state, after.state])).toEqual([
      [undefined, 'executed'],
      ['executed', 'compensated'],
    ]);
  });
});
