import { parseForm } from './form-body.ts';
import { operationOf } from './operation.ts';
import type { ProviderRequest } from './payment-provider.ts';
import { refused, type Answer } from './stripe-answer.ts';

/** One HTTP request to the provider as plain data: what it asks for, or why it is refused unread. No sockets. */
export interface HttpCall {
  readonly method: string;
  readonly path: string;
  /** Without the question mark; '' when there is none. */
  readonly query: string;
  readonly body: string;
  readonly authorization: string | undefined;
  readonly idempotencyKey: string | undefined;
}

export type ReadCall =
  | { readonly kind: 'request'; readonly request: ProviderRequest }
  | { readonly kind: 'refused'; readonly answer: Answer };

export function readCall(call: HttpCall, apiKey: string): ReadCall {
  const { method, path } = call;
  if (call.authorization !== `Bearer ${apiKey}`) return refusal(401, 'Invalid API key provided.');
  const operation = operationOf(method, path);
  if (!operation) return refusal(404, `Unrecognized request URL (${method}: ${path}).`);
  const parameters = method === 'POST' ? call.body : call.query;
  return {
    kind: 'request',
    request: {
      operation,
      form: parseForm(parameters),
      fingerprintSource: `${method} ${path}\n${parameters}`,
      idempotencyKey: call.idempotencyKey,
    },
  };
}

function refusal(status: number, message: string): ReadCall {
  return { kind: 'refused', answer: refused(status, { type: 'invalid_request_error', message }) };
}
