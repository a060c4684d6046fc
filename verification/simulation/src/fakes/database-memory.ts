import type { QueryResult, SqlValue } from '@sagamesh/kit/db';
import { classifySqlError } from '@sagamesh/kit/sql-error';
import { noStatementTimeout } from '@sagamesh/kit/scoped-tx';
import { RetryableError } from '@sagamesh/runtime/errors';
import type { DatabaseEngine, EngineTx } from './database-engine.ts';
import { fenceTable, type FenceChange } from './tables/fence-table.ts';
import { idempotencyTable } from './tables/idempotency-table.ts';
import { inboxTable, outboxTable } from './tables/messaging-tables.ts';
import { SqlFailure } from './tables/sql-failure.ts';
import { normalized, type Statement, type Storage } from './tables/statement.ts';
import { UndoLog } from './tables/undo-log.ts';

export type { FenceChange };

/** A service's database in memory: the tables of the kit and of the service, and the statements that the service sends. */

export interface MemoryEngineOptions<Own> {
  /** The database's clock, epoch milliseconds. */
  readonly wallMillis: () => number;
  /** The service's own tables. */
  readonly own: (storage: Storage) => Own;
}

interface Savepoint {
  readonly name: string;
  readonly position: number;
}

export class MemoryEngine<
  Own extends { readonly statements: readonly Statement[] },
> implements DatabaseEngine {
  readonly fence: ReturnType<typeof fenceTable>['rows'];
  readonly outbox: ReturnType<typeof outboxTable>['rows'];
  readonly inbox: ReturnType<typeof inboxTable>['rows'];
  readonly own: Own;
  readonly fenceHistory: readonly FenceChange[];
  /** Texts that no table knows: each was refused. A run with any of them proves nothing. */
  readonly unknownStatements = new Set<string>();
  readonly #wallMillis: () => number;
  readonly #log = new UndoLog();
  readonly #storage: Storage;
  readonly #onCommit: ((atMillis: number) => void)[] = [];
  readonly #statements = new Map<string, Statement>();
  /** By the text as it was sent. */
  readonly #known = new Map<string, Statement>();
  #now = new Date(0);
  #isOpen = false;

  constructor({ wallMillis, own }: MemoryEngineOptions<Own>) {
    this.#wallMillis = wallMillis;
    const storage: Storage = {
      log: this.#log,
      now: () => this.#now,
      onCommit: (remember) => void this.#onCommit.push(remember),
    };
    this.#storage = storage;
    const [fence, outbox, inbox] = [fenceTable(storage), outboxTable(storage), inboxTable(storage)];
    this.fence = fence.rows;
    this.fenceHistory = fence.history;
    this.outbox = outbox.rows;
    this.inbox = inbox.rows;
    this.own = own(storage);
    for (const part of [fence, outbox, inbox, idempotencyTable(storage), this.own])
      this.learn(() => part.statements);
  }

  /** Statements that no service sends: those of tests. */
  learn(more: (storage: Storage) => readonly Statement[]): void {
    for (const statement of more(this.#storage)) this.#statements.set(normalized(statement.text), statement);
  }

  async begin(): Promise<EngineTx> {
    if (this.#isOpen) throw new Error('a transaction is open already');
    this.#isOpen = true;
    this.#now = new Date(this.#wallMillis());
    return new MemoryTx({
      log: this.#log,
      statementOf: (text) => this.#statementOf(text),
      ended: (isCommitted) => this.#ended(isCommitted),
    });
  }

  #statementOf(text: string): Statement {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const statement = this.#statements.get(normalized(text));
    if (statement === undefined) {
      this.unknownStatements.add(text);
      throw new Error(`the simulated database does not know this statement: ${normalized(text)}`);
    }
    this.#known.set(text, statement);
    return statement;
  }

  #ended(isCommitted: boolean): void {
    this.#isOpen = false;
    if (isCommitted) for (const remember of this.#onCommit) remember(this.#wallMillis());
    else this.#log.undoTo(0);
    this.#log.forget();
  }
}

interface MemoryTxOptions {
  readonly log: UndoLog;
  readonly statementOf: (text: string) => Statement;
  readonly ended: (isCommitted: boolean) => void;
}

const savepointPattern = /^(rollback to )?savepoint (\w+)$/;

class MemoryTx implements EngineTx {
  readonly #options: MemoryTxOptions;
  #savepoints: Savepoint[] = [];
  /** A statement failed; nothing goes on but a return to a savepoint. */
  #isAborted = false;

  constructor(options: MemoryTxOptions) {
    this.#options = options;
  }

  get weight(): number {
    return this.#options.log.position;
  }

  async query(text: string, params: readonly SqlValue[]): Promise<QueryResult<object>> {
    return this.#run(() => this.#options.statementOf(text).run(params));
  }

  async exec(script: string): Promise<void> {
    if (script === noStatementTimeout) return;
    const [, back, name] = savepointPattern.exec(script) ?? [];
    if (name === undefined) this.#run(() => this.#options.statementOf(script).run([]));
    else if (back === undefined)
      this.#run(() => this.#savepoints.push({ name, position: this.#options.log.position }));
    else this.#returnTo(name);
  }

  async commit(): Promise<void> {
    this.#options.ended(!this.#isAborted);
    if (this.#isAborted) throw new RetryableError('the transaction was rolled back at commit');
  }

  async rollback(): Promise<void> {
    this.#options.ended(false);
  }

  #run<T>(statement: () => T): T {
    if (this.#isAborted) throw classifySqlError(new SqlFailure('25P02', 'current transaction is aborted'));
    try {
      return statement();
    } catch (thrown) {
      this.#isAborted = true;
      // Anything else is a mistake of the simulation or of whoever changed the SQL, and no business of the classifier.
      throw thrown instanceof SqlFailure ? classifySqlError(thrown) : thrown;
    }
  }

  #returnTo(name: string): void {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    const savepoint = this.#savepoints[index];
    if (savepoint === undefined) throw new SqlFailure('3B001', `savepoint "${name}" does not exist`);
    this.#options.log.undoTo(savepoint.position);
    this.#savepoints = this.#savepoints.slice(0, index + 1);
    this.#isAborted = false;
  }
}
