import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { currentContext } from './correlation.ts';
import { ensureError, RetryableError } from './errors.ts';
import type { Logger } from './logger.ts';
import { HttpProblem, type ProblemInit } from './problem.ts';
import { traceIdOf } from './trace-context.ts';

/** From whatever was thrown to an answer of `application/problem+json`. Texts of errors that are not ours never leave the process. */

const retryAfterSeconds = 1;

/** What express and its body parser refuse by themselves; they say so in `status` and `type`. */
const detailByType: Readonly<Record<string, string>> = {
  'entity.parse.failed': 'The body is not valid JSON.',
  'entity.too.large': 'The body is too large.',
  'encoding.unsupported': 'The Content-Encoding is not supported.',
  'charset.unsupported': 'Send the body in UTF-8.',
  'request.aborted': 'The request ended before its body did.',
  'request.size.invalid': 'The body is not as long as Content-Length says.',
};

const detailByStatus: Readonly<Record<number, string>> = {
  400: 'The request cannot be read.',
  413: 'The body is too large.',
  415: 'Send `Content-Type: application/json`.',
};

/** Libraries keep these on the error or on its prototype. */
function fieldOf(error: Error, name: string): unknown {
  return Reflect.get(error, name);
}

/** "Come again later" without a cause is a state (a service that starts), and may be said to many: the request's own line tells it. */
function isFailure({ status, cause }: HttpProblem): boolean {
  return status >= 500 && (status !== 503 || cause !== undefined);
}

/** What to answer. `report` = somebody has to look at it: it goes to the log with its stack. */
export function problemOf(thrown: unknown): { readonly init: ProblemInit; readonly report: boolean } {
  if (thrown instanceof HttpProblem) return { init: thrown.init, report: isFailure(thrown) };
  const error = ensureError(thrown);
  if (error instanceof RetryableError) {
    const seconds = Math.max(retryAfterSeconds, Math.ceil((error.retryAfterMillis ?? 0) / 1_000));
    const detail = 'Something this service needs is not available now. Try again later.';
    return { init: { status: 503, detail, headers: { 'retry-after': String(seconds) } }, report: true };
  }
  const status = fieldOf(error, 'status');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const type = fieldOf(error, 'type');
    const detail = (typeof type === 'string' ? detailByType[type] : undefined) ?? detailByStatus[status];
    return { init: { status, ...(detail === undefined ? {} : { detail }) }, report: false };
  }
  return {
    init: { status: 500, detail: 'The service failed. The trace id finds the cause in its log.' },
    report: true,
  };
}

/** The members of RFC 9457, and the ids that lead to the log. */
export function problemBody(init: ProblemInit, path: string): Record<string, unknown> {
  const context = currentContext();
  return {
    type: init.type ?? 'about:blank',
    title: init.title ?? STATUS_CODES[init.status] ?? 'Error',
    status: init.status,
    ...(init.detail === undefined ? {} : { detail: init.detail }),
    instance: path,
    ...(init.errors === undefined ? {} : { errors: init.errors }),
    ...(context === undefined
      ? {}
      : { correlationId: context.correlationId, traceId: traceIdOf(context.traceparent) }),
  };
}

export function sendProblem(request: Request, response: Response, init: ProblemInit): void {
  for (const [name, value] of Object.entries(init.headers ?? {})) response.setHeader(name, value);
  response
    .status(init.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(init, request.path)));
}

export function problemHandler(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown, request, response, next) => {
    const { init, report } = problemOf(thrown);
    if (report) logger.error({ err: ensureError(thrown), status: init.status }, 'a request failed');
    // Half an answer is out: cut the connection, so that nobody takes it for a whole one.
    if (response.headersSent) next(thrown);
    else sendProblem(request, response, init);
  };
}
