/** Errors named by what the caller must do. Anything else that is thrown counts as retryable. */

/** Trying again cannot help: report it, keep the evidence, go on with other work. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** The world was not ready: try again, not before `retryAfterMillis` when given. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  readonly retryAfterMillis: number | undefined;

  constructor(
    message: string,
    options: { readonly retryAfterMillis?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryAfterMillis = options.retryAfterMillis;
  }
}

/** Turns whatever was thrown into an Error, keeping it when it is one. */
export function ensureError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
