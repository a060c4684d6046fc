import { HttpProblem } from '@sagamesh/runtime/problem';
import type { Db, Tx } from './db.ts';
import { canonicalJson, sha256Hex } from './request-hash.ts';

/**
 * The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07) for POST: at most one effect per caller, route and key within
 * 24 hours. The key's row and the effect are one transaction, so a crash leaves neither or both.
 */

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface IdempotentAnswer extends Required<Answer> {
  readonly replayed: boolean;
}

/** What is read of a request, in express' own shape. */
export interface IdempotentRequest {
  readonly method: string;
  readonly baseUrl: string;
  readonly path: string;
  readonly body?: unknown;
  header(name: string): string | undefined;
}

interface KeyRow {
  readonly body_hash: string;
  readonly answer: Answer;
}

const keyLengthMax = 255;

/** A structured-field string (`"abc"`, RFC 9651); a bare token is accepted too, as most clients send it. Undefined when neither. */
export function parseIdempotencyKey(header: string): string | undefined {
  const text = header.trim();
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(text)?.[1];
  const key = quoted === undefined ? text : quoted.replaceAll(/\\(["\\])/g, '$1');
  if (quoted === undefined && !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(key)) return undefined;
  return key.length >= 1 && key.length <= keyLengthMax ? key : undefined;
}

function keyOf(request: IdempotentRequest): string {
  const header = request.header('idempotency-key');
  const key = header === undefined ? undefined : parseIdempotencyKey(header);
  if (key !== undefined) return key;
  throw new HttpProblem({
    status: 400,
    title: 'The Idempotency-Key header is missing or unusable',
    detail: `Send a value that is new for each order, at most ${keyLengthMax} characters, e.g. Idempotency-Key: "<uuid>".`,
  });
}

/** Thrown inside the transaction to leave it: nothing was written yet. */
class KeyTaken extends Error {
  override readonly name = 'KeyTaken';
}

/**
 * Two requests with one key at the same time: the second does not wait for the first (it may hang), it is told 409. So the first thing is a
 * lock that does not wait; it ends with the transaction.
 */
async function claimKey(tx: Tx, scope: string, key: string, bodyHash: string): Promise<boolean> {
  const { rows } = await tx.query<{ locked: boolean }>(
    'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked',
    [`idempotency-key ${scope} ${key}`],
  );
  if (rows[0]?.locked !== true) throw new KeyTaken();
  const claimed = await tx.query(
    `insert into idempotency_key as k (scope, key, body_hash, expires_at)
     values ($1, $2, $3, now() + interval '24 hours')
     on conflict (scope, key) do update
       set body_hash = excluded.body_hash, answer = null, expires_at = excluded.expires_at
       where k.expires_at < now()
     returning 1 as one`,
    [scope, key, bodyHash],
  );
  return claimed.rowCount === 1;
}

async function storedAnswer(tx: Tx, scope: string, key: string, bodyHash: string): Promise<Answer> {
  const { rows } = await tx.query<KeyRow>(
    'select body_hash, answer from idempotency_key where scope = $1 and key = $2',
    [scope, key],
  );
  const row = rows[0];
  if (row === undefined) throw new KeyTaken();
  if (row.body_hash !== bodyHash)
    throw new HttpProblem({
      status: 422,
      title: 'This Idempotency-Key was used with another request',
      detail: 'Use a new key for a new request; repeat a request with the same body only.',
    });
  return row.answer;
}

/**
 * Runs `effect` unless the key was used: then answers what was answered then (`replayed`). Throws HttpProblem 400 without a usable key, 422
 * when the key was used with another body, 409 while the first request runs. When `effect` throws, nothing is kept and the key is free.
 */
export async function idempotent(
  db: Db,
  request: IdempotentRequest,
  caller: string,
  effect: (tx: Tx) => Promise<Answer>,
): Promise<IdempotentAnswer> {
  const key = keyOf(request);
  // The path, not the pattern: the same key at another resource is another request.
  const scope = JSON.stringify([caller, request.method, request.baseUrl + request.path]);
  const bodyHash = sha256Hex(canonicalJson(request.body));
  try {
    return await db.tx(async (tx) => {
      if (!(await claimKey(tx, scope, key, bodyHash)))
        return { headers: {}, ...(await storedAnswer(tx, scope, key, bodyHash)), replayed: true };
      const answer = await effect(tx);
      await tx.query('update idempotency_key set answer = $3::jsonb where scope = $1 and key = $2', [
        scope,
        key,
        JSON.stringify(answer),
      ]);
      return { headers: {}, ...answer, replayed: false };
    });
  } catch (thrown) {
    if (!(thrown instanceof KeyTaken)) throw thrown;
    throw new HttpProblem({
      status: 409,
      title: 'A request with this Idempotency-Key is in progress',
      detail: 'Wait for its answer, or repeat the request in a moment.',
      headers: { 'retry-after': '1' },
    });
  }
}

export async function purgeIdempotencyKeys(db: Db): Promise<void> {
  await db.query('delete from idempotency_key where expires_at < now()');
}
