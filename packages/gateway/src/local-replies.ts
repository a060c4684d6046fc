import { correlationIdExpression } from './correlation.ts';
import type { EnvoyJson } from './envoy-json.ts';

/**
 * The answers that Envoy makes itself, as problems (RFC 9457) like those of the services. A service's own answer is never touched: Envoy applies this to its
 * local replies only.
 */

interface LocalProblem {
  readonly status: number;
  readonly title: string;
  /** An Envoy format string. */
  readonly detail: string;
}

/** What Envoy says of a token is meant for its bearer; what it says of an upstream is not. */
const envoyText = '%LOCAL_REPLY_BODY%';

export const localProblems: readonly LocalProblem[] = [
  { status: 401, title: 'Unauthorized', detail: envoyText },
  { status: 403, title: 'Forbidden', detail: envoyText },
  { status: 404, title: 'Not Found', detail: 'There is nothing at this path.' },
  {
    status: 429,
    title: 'Too Many Requests',
    detail: 'Too many requests. The Retry-After header says when to try again.',
  },
  {
    status: 503,
    title: 'Service Unavailable',
    detail: 'The service is not available now. Try again later; a POST may have been acted upon.',
  },
  {
    status: 504,
    title: 'Gateway Timeout',
    detail: 'The service did not answer in time. A POST may have been acted upon.',
  },
];

/** `local_reply_config` of an HTTP connection manager. The first mapper that fits wins; redirects and the like fit none. */
export function localReplyConfig(): EnvoyJson {
  return {
    mappers: [
      ...localProblems.map((problem) => mapper('EQ', problem)),
      // Whatever else Envoy may refuse: 400, 413, 431, ...
      mapper('GE', {
        status: 400,
        title: 'Refused by the gateway',
        detail: 'The gateway could not pass the request on.',
      }),
    ],
  };
}

function mapper(op: 'EQ' | 'GE', problem: LocalProblem): EnvoyJson {
  // Envoy insists on a name by which an operator could change the status at run time.
  const value = {
    default_value: problem.status,
    runtime_key: `local_reply.${problem.status}_${op.toLowerCase()}`,
  };
  return {
    filter: { status_code_filter: { comparison: { op, value } } },
    body_format_override: problemFormat(problem),
  };
}

function problemFormat({ title, detail }: LocalProblem): EnvoyJson {
  return {
    json_format: {
      type: 'about:blank',
      title,
      status: '%RESPONSE_CODE%',
      detail,
      // Without the query.
      instance: '%PATH(NQ)%',
      correlationId: correlationIdExpression,
    },
    content_type: 'application/problem+json',
  };
}
