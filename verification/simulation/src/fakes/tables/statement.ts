import type { QueryResult, SqlValue } from '@sagamesh/kit/db';
import { SqlFailure } from './sql-failure.ts';
import type { UndoLog } from './undo-log.ts';

/**
 * SQL by its exact text: each statement that a service sends is a small function over the tables. There is no SQL in memory, so a statement
 * whose text changes is unknown and throws.
 */

export type Params = readonly SqlValue[];
export type Answer = QueryResult<object>;

export interface Statement {
  readonly text: string;
  readonly run: (params: Params) => Answer;
}

/** What tables and statements of one database share. */
export interface Storage {
  readonly log: UndoLog;
  /** `now()`: when the transaction began. */
  now(): Date;
  /** Runs at each COMMIT, while the log still tells what changed. `atMillis`: the database's clock, epoch milliseconds. */
  onCommit(remember: (atMillis: number) => void): void;
}

/** Statements differ in more than white space, or they are the same. */
export function normalized(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

export const rowsOf = (rows: readonly object[]): Answer => ({ rows, rowCount: rows.length });
export const rowOf = (row: object | undefined): Answer => rowsOf(row === undefined ? [] : [row]);
export const changed = (rowCount: number): Answer => ({ rows: [], rowCount });

const one = { one: 1 };
/** Of `returning 1 as one`. */
export const oneIf = (holds: boolean): Answer => rowsOf(holds ? [one] : []);

function wrongParameter(position: number, expected: string): never {
  throw new SqlFailure('22P02', `parameter $${position} is not ${expected}`);
}

/** Parameters by their position as in the SQL text, from 1. */
export function textOf(params: Params, position: number): string {
  const value = params[position - 1];
  return typeof value === 'string' ? value : wrongParameter(position, 'a text');
}

export function textOrNull(params: Params, position: number): string | null {
  return params[position - 1] === null ? null : textOf(params, position);
}

export function numberOf(params: Params, position: number): number {
  const value = params[position - 1];
  return typeof value === 'number' ? value : wrongParameter(position, 'a number');
}

export function numberOrNull(params: Params, position: number): number | null {
  return params[position - 1] === null ? null : numberOf(params, position);
}

export function dateOf(params: Params, position: number): Date {
  const value = params[position - 1];
  return value instanceof Date ? value : wrongParameter(position, 'a time');
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function uuidOf(params: Params, position: number): string {
  const value = textOf(params, position);
  if (uuidPattern.test(value)) return value;
  const lower = value.toLowerCase();
  return uuidPattern.test(lower) ? lower : wrongParameter(position, 'a uuid');
}

export function uuidOrNull(params: Params, position: number): string | null {
  return params[position - 1] === null ? null : uuidOf(params, position);
}

function listOf(params: Params, position: number): readonly (string | number)[] {
  const value = params[position - 1];
  return Array.isArray(value) ? value : wrongParameter(position, 'a list');
}

export function textsOf(params: Params, position: number): readonly string[] {
  return listOf(params, position).map((value) =>
    typeof value === 'string' ? value : wrongParameter(position, 'a list of texts'),
  );
}

export function numbersOf(params: Params, position: number): readonly number[] {
  return listOf(params, position).map((value) =>
    typeof value === 'number' ? value : wrongParameter(position, 'a list of numbers'),
  );
}

/** A jsonb parameter, parsed once; rows share it from then on. */
export function jsonOf(params: Params, position: number): unknown {
  return JSON.parse(textOf(params, position));
}

export function jsonOrNull(params: Params, position: number): unknown {
  return params[position - 1] === null ? null : jsonOf(params, position);
}

/** `unnest($a::text[], $b::bigint[])` of lists of the same length. */
export function linesOf(
  params: Params,
  skus: number,
  quantities: number,
): readonly { readonly sku: string; readonly quantity: number }[] {
  const counts = numbersOf(params, quantities);
  return textsOf(params, skus).map((sku, index) => ({ sku, quantity: counts[index] ?? 0 }));
}

/** As `collate "C"` sorts: by code point, which is by code unit for the texts that are sorted here. */
export function bySku(a: { readonly sku: string }, b: { readonly sku: string }): number {
  return a.sku < b.sku ? -1 : Number(a.sku > b.sku);
}
