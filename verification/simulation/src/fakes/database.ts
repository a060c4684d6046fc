import type { Db, QueryResult, SessionLock, SqlValue, Tx } from '@sagamesh/kit/db';
import { ScopedTx } from '@sagamesh/kit/scoped-tx';
import { classifySqlError } from '@sagamesh/kit/sql-error';
import { TxScope } from '@sagamesh/kit/tx-scope';
import { ensureError } from '@sagamesh/runtime/errors';
import type { SimProcess } from '../kernel/host.ts';
import type { Sim } from '../kernel/sim.ts';
import type { DatabaseEngine, EngineTx } from './database-engine.ts';
import { Session } from './database-session.ts';
import { Turn } from './database-turn.ts';

/**
 * A service's database as its processes see it: an engine behind a network that fails, with connections that end with their process. One
 * transaction at a time, first come, first served. BEGIN, COMMIT and reads outside of transactions take virtual time; statements inside of a
 * transaction take none. A paused process holds its transaction, for as long as a server lets an idle one live.
 */
export class SimDatabase<Engine extends DatabaseEngine = DatabaseEngine> {
  readonly name: string;
  /** Also for its read-outs. */
  readonly engine: Engine;
  readonly sim: Sim;
  readonly turn = new Turn();
  /** Session locks: who holds which name. */
  readonly locks = new Map<string, SimProcess>();

  /** `name` is what faults have as their target, besides the names of hosts. */
  constructor(sim: Sim, name: string, engine: Engine) {
    this.sim = sim;
    this.name = name;
    this.engine = engine;
  }

  connect(process: SimProcess): Db {
    return new Connection(this, process);
  }
}

/** One way between process and server, in virtual milliseconds. */
const latencyMillis = { min: 0.2, spread: 3 };
const slowMillisMax = 5_000;
/** A statement that waits longer for its turn is cancelled (statement_timeout). */
const waitMaxMillis = 10_000;

const readPattern = /^\s*select\b/i;

class Connection implements Db {
  readonly #database: SimDatabase;
  readonly #process: SimProcess;
  readonly #scope = new TxScope();
  readonly #sessions = new Set<Session>();
  readonly #held = new Set<string>();

  constructor(database: SimDatabase, process: SimProcess) {
    this.#database = database;
    this.#process = process;
    process.onDeath(() => {
      for (const session of this.#sessions) void session.giveUp();
      for (const name of this.#held) database.locks.delete(name);
    });
  }

  async query<T extends object>(text: string, params: readonly SqlValue[] = []): Promise<QueryResult<T>> {
    this.#scope.assertOutside();
    if (!readPattern.test(text)) return this.#write((tx) => tx.query<T>(text, params));
    const result = await this.#read((transaction) => transaction.query(text, params));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in the real ports: the caller says what its statement answers
    return result as QueryResult<T>;
  }

  async exec(script: string): Promise<void> {
    this.#scope.assertOutside();
    await this.#write((tx) => tx.exec(script));
  }

  afterCommit(callback: () => void): void {
    this.#scope.assertOutside();
    queueMicrotask(callback);
  }

  async tx<R>(fn: (tx: Tx) => Promise<R>): Promise<R> {
    this.#scope.assertOutside();
    return this.#transaction((tx) => this.#scope.run(() => fn(tx)));
  }

  /** A statement of its own is a transaction of one. */
  async #write<R>(statement: (tx: Tx) => Promise<R>): Promise<R> {
    return this.#transaction(statement);
  }

  async #transaction<R>(fn: (tx: Tx) => Promise<R>): Promise<R> {
    const session = await this.#begin();
    const tx = new ScopedTx(session);
    let answer: R;
    try {
      answer = await fn(tx);
    } catch (thrown) {
      tx.end();
      await session.giveUp();
      throw thrown;
    }
    tx.end();
    await this.#sometimesSlow();
    await session.commit();
    tx.committed.run();
    return answer;
  }

  #begin(): Promise<Session> {
    return this.#request((answer, fail) => {
      this.#takeTurn(fail, (transaction) => {
        const session = new Session({
          database: this.#database.name,
          process: this.#process,
          transaction,
          ended: () => {
            this.#sessions.delete(session);
            this.#database.turn.giveBack();
          },
        });
        this.#sessions.add(session);
        answer(session);
      });
    });
  }

  #read<R>(statement: (transaction: EngineTx) => Promise<R>): Promise<R> {
    return this.#request((answer, fail) => {
      this.#takeTurn(fail, (transaction) => {
        void this.#readAndEnd(transaction, statement).then(answer, fail);
      });
    });
  }

  async #readAndEnd<R>(transaction: EngineTx, statement: (transaction: EngineTx) => Promise<R>): Promise<R> {
    try {
      return await statement(transaction);
    } finally {
      await transaction.rollback();
      this.#database.turn.giveBack();
    }
  }

  /** The engine's one transaction, when nobody else has it and the process still lives. */
  #takeTurn(fail: (error: unknown) => void, begun: (transaction: EngineTx) => void): void {
    const { sim, turn, engine } = this.#database;
    let isGranted = false;
    let stopWaiting = (): void => undefined;
    const leave = turn.take(() => {
      isGranted = true;
      stopWaiting();
      if (!this.#process.isAlive) return turn.giveBack();
      void sim
        .realWork(() => engine.begin())
        .then(begun, (error: unknown) => {
          turn.giveBack();
          fail(error);
        });
    });
    if (isGranted) return;
    sim.count('a transaction waits for its turn');
    stopWaiting = sim.after(waitMaxMillis, () => {
      leave();
      fail(databaseError('57014'));
    });
  }

  /** A request to the server and its answer. A dead process sends nothing and hears nothing; `carryOut` says one of both, once. */
  #request<R>(carryOut: (answer: (value: R) => void, fail: (error: unknown) => void) => void): Promise<R> {
    const { sim, name } = this.#database;
    const process = this.#process;
    return new Promise((resolve, reject) => {
      if (!process.isAlive) return;
      const isSlow = sim.faults.bites('db.slow', name, process.name);
      const slowMillis = isSlow ? sim.faults.delayMillis(slowMillisMax) : 0;
      const answer = (tell: () => void) => sim.after(this.#latencyMillis(), () => process.deliver(tell));
      sim.after(this.#latencyMillis() + slowMillis, () => {
        if (!process.isAlive) return;
        const fail = (error: unknown) => answer(() => reject(ensureError(error)));
        if (sim.faults.bites('db.away', name, process.name)) fail(databaseError('57P03'));
        else carryOut((value) => answer(() => resolve(value)), fail);
      });
    });
  }

  /** The last statement was slow, so COMMIT comes late and others wait. */
  async #sometimesSlow(): Promise<void> {
    const { sim, name } = this.#database;
    if (!sim.faults.bites('db.slow', name, this.#process.name)) return;
    const slowMillis = sim.faults.delayMillis(slowMillisMax);
    await new Promise<void>((resolve) => {
      sim.after(slowMillis, () => this.#process.deliver(resolve));
    });
  }

  async tryLock(name: string): Promise<SessionLock | undefined> {
    const { locks } = this.#database;
    const isMine = await this.#request<boolean>((answer) => {
      if (locks.has(name)) return answer(false);
      locks.set(name, this.#process);
      this.#held.add(name);
      answer(true);
    });
    if (!isMine) return undefined;
    let isHeld = true;
    const release = async () => {
      if (!isHeld) return;
      isHeld = false;
      await this.#request<void>((answer) => {
        this.#held.delete(name);
        locks.delete(name);
        answer();
      });
    };
    return { held: () => isHeld && this.#process.isAlive, release };
  }

  async ping(): Promise<void> {
    await this.#request<void>((answer) => answer());
  }

  async close(): Promise<void> {}

  #latencyMillis(): number {
    return latencyMillis.min + this.#process.random.next() * latencyMillis.spread;
  }
}

function databaseError(sqlState: string): Error {
  const error = Object.assign(new Error('injected'), { code: sqlState, severity: 'FATAL' });
  return classifySqlError(error);
}
