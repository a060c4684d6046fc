import { ErrorCode, NatsError } from 'nats';

/** What the server's refusals mean to us; by code, never by text. */

/** JetStream error codes (nats-server, `server/errors.json`). */
export const apiCodes = {
  consumerNotFound: 10014,
  messageNotFound: 10037,
  messageExceedsMaximum: 10054,
  streamNotFound: 10059,
} as const;

export function apiCodeOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** Nobody listens on the subject: no stream owns it, or JetStream is not up yet. */
export function isNoResponders(error: unknown): boolean {
  return error instanceof NatsError && error.code === (ErrorCode.NoResponders as string);
}

export function isTimeout(error: unknown): boolean {
  return error instanceof NatsError && error.code === (ErrorCode.Timeout as string);
}

/** The server refuses this user the subject. The permissions may be widened while we run. */
export function isPermissionRefused(error: unknown): boolean {
  return error instanceof NatsError && error.code === (ErrorCode.PermissionsViolation as string);
}

/** The client refuses a body that the server would cut the connection for. */
export function isPayloadTooLarge(error: unknown): boolean {
  return error instanceof NatsError && error.code === (ErrorCode.MaxPayloadExceeded as string);
}
