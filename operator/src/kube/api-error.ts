/** What the API server said instead of doing it. Told apart by status and structured reason, never by message text. */
export type ErrorCause = {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly field?: string | undefined;
};

/**
 * `status` is the HTTP status and `reason` the reason of the Status object ('Conflict', 'Invalid', ...).
 * Status 0 means that no complete answer came, so a write may have happened: 'Unreachable' (connection), 'Timeout' (ours),
 * 'Aborted' (the caller's signal), 'BrokenAnswer' (a body that cannot be read).
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly ErrorCause[];
  readonly retryAfterMillis: number | undefined;

  constructor(
    fields: {
      readonly status: number;
      readonly reason: string;
      readonly message: string;
      readonly causes?: readonly ErrorCause[];
      readonly retryAfterMillis?: number | undefined;
    },
    options?: ErrorOptions,
  ) {
    super(fields.message, options);
    this.status = fields.status;
    this.reason = fields.reason;
    this.causes = fields.causes ?? [];
    this.retryAfterMillis = fields.retryAfterMillis;
  }
}

/** Reads an unsuccessful answer. A body that is no Status (a proxy's HTML page) still gives an error with the HTTP status. */
export function apiErrorFrom(
  status: number,
  body: string,
  retryAfter: string | undefined,
  wallMillis: number,
) {
  const object = parseStatus(body);
  const details = asRecord(object['details']);
  const causes = Array.isArray(details['causes']) ? details['causes'].map(asCause) : [];
  const seconds = details['retryAfterSeconds'];
  const reason = asText(object['reason']);
  return new ApiError({
    status,
    reason: reason ?? (status === 429 ? 'TooManyRequests' : status === 410 ? 'Gone' : 'Unknown'),
    message: asText(object['message']) ?? `the API server answered HTTP ${status}`,
    causes,
    retryAfterMillis: bounded(
      parseRetryAfter(retryAfter, wallMillis) ??
        (typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined),
    ),
  });
}

/** A date depends on two clocks, of which one may be wrong, and on nobody's word do we stay away for hours. */
const retryAfterMaxMillis = 60_000;

function bounded(millis: number | undefined): number | undefined {
  return millis === undefined ? undefined : Math.min(millis, retryAfterMaxMillis);
}

/** A Status object that came inside a watch stream. */
export function apiErrorFromStatus(object: unknown): ApiError {
  const code = asRecord(object)['code'];
  return apiErrorFrom(typeof code === 'number' ? code : 500, JSON.stringify(object ?? {}), undefined, 0);
}

/**
 * The object is not the one that was read: another resourceVersion (409) or another uid. Read again, decide again.
 * A patch with the uid of a predecessor is refused as 422 "metadata.uid: field is immutable" (seen on 1.35); a delete as 409.
 */
export function isConflict(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.reason === 'Conflict' || (error.reason === 'Invalid' && isAboutUid(error));
}

function isAboutUid(error: ApiError): boolean {
  return error.causes.length > 0 && error.causes.every((cause) => cause.field === 'metadata.uid');
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'AlreadyExists';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** The resourceVersion or the continue token is too old. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone')
  );
}

/** The server has not reached the asked resourceVersion yet (answered as 504 Timeout with this cause). */
export function isTooLargeResourceVersion(error: unknown): boolean {
  return (
    error instanceof ApiError && error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')
  );
}

export function isInvalid(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'Invalid' && !isAboutUid(error);
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}

/** Repeating the same call cannot help. 401 is not here: credentials are read again. */
export function isPermanentRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError) || isConflict(error)) return false;
  return [400, 403, 405, 413, 415, 422].includes(error.status);
}

/** No complete answer, throttled, or the server's own trouble: the same call may succeed later. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return (error.status === 0 && error.reason !== 'Aborted') || error.status === 429 || error.status >= 500;
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3). */
function parseRetryAfter(text: string | undefined, wallMillis: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallMillis);
}

function parseStatus(body: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(body));
  } catch {
    return {};
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function asCause(value: unknown): ErrorCause {
  const record = asRecord(value);
  return {
    reason: asText(record['reason']),
    message: asText(record['message']),
    field: asText(record['field']),
  };
}
