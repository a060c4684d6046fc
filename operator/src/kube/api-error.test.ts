import { describe, expect, test } from 'vitest';
import {
  ApiError,
  apiErrorFrom,
  isAlreadyExists,
  isConflict,
  isGone,
  isInvalid,
  isNotFound,
  isPermanentRefusal,
  isTooLargeResourceVersion,
  isTransient,
} from './api-error.ts';

const status = (code: number, reason: string, details: object = {}): string =>
  JSON.stringify({ kind: 'Status', status: 'Failure', code, reason, message: 'text', details });

describe('apiErrorFrom', () => {
  test('reads reason, message and causes of a Status', () => {
    const causes = [{ reason: 'FieldValueInvalid', message: 'must be one pivot', field: 'spec.steps' }];
    const error = apiErrorFrom(422, status(422, 'Invalid', { causes }), undefined, 0);
    expect(error).toMatchObject({ status: 422, reason: 'Invalid', message: 'text', causes });
    expect(isInvalid(error)).toBe(true);
    expect(isPermanentRefusal(error)).toBe(true);
  });

  test("keeps the HTTP status of a proxy's HTML page", () => {
    expect(apiErrorFrom(503, '<html>no upstream</html>', undefined, 0)).toMatchObject({
      status: 503,
      reason: 'Unknown',
    });
  });

  test.each([
    { header: '7', body: '', millis: 7_000, reason: 'seconds in the header' },
    { header: new Date(5_000).toUTCString(), body: '', millis: 4_000, reason: 'a date in the header' },
    {
      header: undefined,
      body: status(429, 'TooManyRequests', { retryAfterSeconds: 3 }),
      millis: 3_000,
      reason: 'the Status',
    },
    { header: 'soon', body: '', millis: undefined, reason: 'nonsense' },
    { header: '86400', body: '', millis: 60_000, reason: 'a day in the header: at most a minute' },
    {
      header: new Date(3_600_000).toUTCString(),
      body: '',
      millis: 60_000,
      reason: 'a date of a clock that is an hour ahead: at most a minute',
    },
  ])('takes Retry-After from $reason', ({ header, body, millis }) => {
    expect(apiErrorFrom(429, body, header, 1_000).retryAfterMillis).toBe(millis);
  });
});

describe('the helpers look at status and reason, never at the message', () => {
  test('two kinds of 409 are told apart', () => {
    const conflict = apiErrorFrom(409, status(409, 'Conflict'), undefined, 0);
    const exists = apiErrorFrom(409, status(409, 'AlreadyExists'), undefined, 0);
    expect([isConflict(conflict), isAlreadyExists(conflict)]).toEqual([true, false]);
    expect([isConflict(exists), isAlreadyExists(exists)]).toEqual([false, true]);
  });

  test('a patch that names another uid is a conflict, not an invalid object; other fields stay invalid', () => {
    const invalid = (...fields: readonly string[]): ApiError =>
      apiErrorFrom(422, status(422, 'Invalid', { causes: fields.map((field) => ({ field })) }), undefined, 0);
    const kinds = (error: ApiError): boolean[] => [
      isConflict(error),
      isInvalid(error),
      isPermanentRefusal(error),
    ];
    expect(kinds(invalid('metadata.uid', 'metadata.uid'))).toEqual([true, false, false]);
    expect(kinds(invalid('metadata.uid', 'spec.steps'))).toEqual([false, true, true]);
    expect(kinds(invalid())).toEqual([false, true, true]);
  });

  test('Gone, Expired and too large versions are about history', () => {
    expect(isGone(apiErrorFrom(410, status(410, 'Expired'), undefined, 0))).toBe(true);
    const body = status(504, 'Timeout', { causes: [{ reason: 'ResourceVersionTooLarge' }] });
    expect(isTooLargeResourceVersion(apiErrorFrom(504, body, undefined, 0))).toBe(true);
  });

  test.each([
    { code: 0, reason: 'Unreachable', transient: true },
    { code: 0, reason: 'Aborted', transient: false },
    { code: 429, reason: 'TooManyRequests', transient: true },
    { code: 503, reason: 'ServiceUnavailable', transient: true },
    { code: 404, reason: 'NotFound', transient: false },
    { code: 403, reason: 'Forbidden', transient: false },
  ])('$code $reason: worth trying the same again: $transient', ({ code, reason, transient }) => {
    expect(isTransient(new ApiError({ status: code, reason, message: '' }))).toBe(transient);
  });

  test('errors of other kinds are none of these', () => {
    const error = new Error('conflict: 409 not found gone');
    expect([isConflict, isNotFound, isGone, isInvalid, isTransient].map((is) => is(error))).toEqual(
      Array(5).fill(false),
    );
  });
});
