import type { QueryResult, SqlValue, Tx } from './db.ts';
import { CommitCallbacks } from './tx-scope.ts';

/** What an engine does for the transaction that is open on it. */
export interface Statements {
  query<T extends object>(text: string, params: readonly SqlValue[]): Promise<QueryResult<T>>;
  exec(script: string): Promise<void>;
}

/** For this transaction only. */
export const noStatementTimeout = 'set local statement_timeout = 0';

/** The `tx` that the function of `Db.tx` is given, the same on every engine. */
export class ScopedTx implements Tx {
  readonly committed = new CommitCallbacks();
  private readonly statements: Statements;
  private ended = false;

  constructor(statements: Statements) {
    this.statements = statements;
  }

  async query<T extends object>(text: string, params: readonly SqlValue[] = []): Promise<QueryResult<T>> {
    this.assertOpen();
    return this.statements.query<T>(text, params);
  }

  async exec(script: string): Promise<void> {
    this.assertOpen();
    await this.statements.exec(script);
  }

  afterCommit(callback: () => void): void {
    this.committed.add(callback);
  }

  end(): void {
    this.ended = true;
  }

  /** A tx that leaked out of its function would write on a connection that someone else has by now. */
  private assertOpen(): void {
    if (this.ended) throw new Error('this transaction has ended: its tx must not be kept');
  }
}
