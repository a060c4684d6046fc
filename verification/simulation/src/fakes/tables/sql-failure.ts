/** What a database refuses, with the SQLSTATE that PostgreSQL gives (appendix A) and the shape by which the kit knows it. */
export class SqlFailure extends Error {
  override readonly name = 'SqlFailure';
  readonly code: string;
  readonly severity = 'ERROR';

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export const uniqueViolation = (constraint: string): SqlFailure =>
  new SqlFailure('23505', `duplicate key value violates unique constraint "${constraint}"`);

export function check(holds: boolean, constraint: string): void {
  if (!holds) throw new SqlFailure('23514', `new row violates check constraint "${constraint}"`);
}

export function reference(exists: boolean, constraint: string): void {
  if (!exists)
    throw new SqlFailure('23503', `insert or update violates foreign key constraint "${constraint}"`);
}

/** What a trigger says with RAISE EXCEPTION. */
export const raised = (message: string): SqlFailure => new SqlFailure('P0001', message);
