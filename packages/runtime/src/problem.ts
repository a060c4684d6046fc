import type { z } from 'zod';

/** Problem details for HTTP (RFC 9457): the error class that handlers throw, and its mapping from failed validations. */

export interface FieldProblem {
  /** JSON pointer (RFC 6901) into the request's body; '' = the whole. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemInit {
  readonly status: number;
  /** Default: the status' usual phrase. */
  readonly title?: string;
  /** A URI that names the kind of problem; default `about:blank`. */
  readonly type?: string;
  /** For people, about this occurrence. Shown to the caller: never put the text of a caught error here. */
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a handler, answered as `application/problem+json`. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly init: ProblemInit;

  constructor(init: ProblemInit, options?: ErrorOptions) {
    super(init.detail ?? init.title ?? `HTTP ${init.status}`, options);
    this.init = init;
  }

  get status(): number {
    return this.init.status;
  }
}

/** At most so many are told: a body with 10 000 wrong items gets no megabyte of answer. */
const fieldProblemsMax = 50;

function escapePointer(part: PropertyKey): string {
  return String(part).replaceAll('~', '~0').replaceAll('/', '~1');
}

export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escapePointer(part)}`).join('');
}

export function fieldProblems(error: z.ZodError): readonly FieldProblem[] {
  return error.issues
    .slice(0, fieldProblemsMax)
    .map((issue) => ({ pointer: pointerOf(issue.path), detail: issue.message }));
}

/** 422: understood, and not acceptable as it stands. */
export function validationProblem(error: z.ZodError): HttpProblem {
  return new HttpProblem({
    status: 422,
    title: 'The request is not valid',
    detail: 'See `errors`: each entry points to a field and says what is wrong with it.',
    errors: fieldProblems(error),
  });
}

/** The query parameters as `schema` wants them. Throws 400 when they do not fit. */
export function parseQuery<S extends z.ZodType>(schema: S, query: unknown): z.infer<S> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw new HttpProblem({
    status: 400,
    title: 'The query is not valid',
    errors: fieldProblems(parsed.error),
  });
}

/** The body as `schema` wants it. Throws 400 when there is none, 422 when it does not fit. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  if (body === undefined) {
    throw new HttpProblem({
      status: 400,
      title: 'The request has no body',
      detail: 'Send a JSON object with the header `Content-Type: application/json`.',
    });
  }
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw validationProblem(parsed.error);
  return parsed.data;
}
