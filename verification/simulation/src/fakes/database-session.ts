import type { QueryResult, SqlValue } from '@sagamesh/kit/db';
import type { Statements } from '@sagamesh/kit/scoped-tx';
import { classifySqlError } from '@sagamesh/kit/sql-error';
import { RetryableError } from '@sagamesh/runtime/errors';
import type { Sim } from '../kernel/sim.ts';
import type { SimProcess } from '../kernel/host.ts';
import type { EngineTx } from './database-engine.ts';
import { SqlFailure } from './tables/sql-failure.ts';

/** One transaction of a process, from the grant of its turn to its end, which frees the turn. */

/** A server ends a transaction in which nothing happens for so long (idle_in_transaction_session_timeout). */
const idleMaxMillis = 10_000;

type Phase =
  | 'open'
  /** COMMIT is on its way: what becomes of the process does not matter any more. */
  | 'committing'
  | 'ended';

export interface SessionOptions {
  readonly database: string;
  readonly process: SimProcess;
  readonly transaction: EngineTx;
  /** Called once, when the transaction has ended one way or the other. */
  readonly ended: () => void;
}

function trouble(sqlState: string): Error {
  return classifySqlError(new SqlFailure(sqlState, 'injected'));
}

export class Session implements Statements {
  readonly #options: SessionOptions;
  readonly #sim: Sim;
  readonly #stopWaiting: () => void;
  #phase: Phase = 'open';

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#sim = options.process.sim;
    this.#stopWaiting = this.#sim.after(idleMaxMillis, () => {
      if (this.#phase !== 'open') return;
      this.#sim.count('a transaction was ended because it was idle');
      void this.#rollBack();
    });
  }

  // Not async: a run makes millions of statements, and each promise costs.
  query<T extends object>(text: string, params: readonly SqlValue[]): Promise<QueryResult<T>> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    const result = this.#options.transaction.query(text, params);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in the real ports: the caller says what its statement answers
    return result as Promise<QueryResult<T>>;
  }

  exec(script: string): Promise<void> {
    return this.#refusal() ?? this.#options.transaction.exec(script);
  }

  /** Rolled back when the process gives up or dies; a COMMIT that was sent before is not called back. */
  async giveUp(): Promise<void> {
    if (this.#phase === 'open') await this.#rollBack();
  }

  async commit(): Promise<void> {
    const { process, database, transaction } = this.#options;
    const what = `${database} ${transaction.weight}`;
    const answer = process.effect('commit', what, () => this.#carryOut());
    if (process.isAlive && this.#phase === 'open') this.#phase = 'committing';
    await answer;
  }

  async #carryOut(): Promise<void> {
    if (this.#phase === 'ended') throw closed();
    const { process, database, transaction } = this.#options;
    const strikes = (kind: 'db.abort' | 'db.commitLost' | 'db.commitUnknown') =>
      this.#sim.faults.bites(kind, database, process.name);
    if (strikes('db.abort')) {
      await this.#rollBack();
      throw trouble('40001');
    }
    if (strikes('db.commitLost')) {
      await this.#rollBack();
      throw unknownOutcome();
    }
    try {
      await transaction.commit();
    } finally {
      this.#end();
    }
    if (strikes('db.commitUnknown')) throw unknownOutcome();
  }

  async #rollBack(): Promise<void> {
    this.#phase = 'ended';
    await this.#options.transaction.rollback();
    this.#end();
  }

  #end(): void {
    this.#phase = 'ended';
    this.#stopWaiting();
    this.#options.ended();
  }

  /** A dead process gets no answer; who was idle for too long gets an error. */
  #refusal(): Promise<never> | undefined {
    if (!this.#options.process.isAlive) return new Promise<never>(() => undefined);
    return this.#phase === 'ended' ? Promise.reject(closed()) : undefined;
  }
}

function closed(): Error {
  return classifySqlError(new SqlFailure('25P03', 'it was idle for too long'));
}

function unknownOutcome(): RetryableError {
  return new RetryableError('the outcome of the commit is unknown');
}
