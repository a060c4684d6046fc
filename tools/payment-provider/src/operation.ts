import type { FormBody } from './form-body.ts';
import type { LedgerEntry, LedgerState } from './ledger-state.ts';
import type { Answer } from './stripe-answer.ts';

/** One request, understood. */
export type Operation =
  | { readonly kind: 'create-intent' }
  | { readonly kind: 'get-intent'; readonly intentId: string }
  | { readonly kind: 'confirm-intent'; readonly intentId: string }
  | { readonly kind: 'cancel-intent'; readonly intentId: string }
  | { readonly kind: 'list-intents' }
  | { readonly kind: 'search-intents' }
  | { readonly kind: 'create-refund' }
  | { readonly kind: 'get-refund'; readonly refundId: string }
  | { readonly kind: 'list-refunds' };

/** What the pure rules may know of the world. */
export interface Facts {
  readonly nowMillis: number;
  readonly newId: (prefix: 'pi' | 'ch' | 're') => string;
  readonly silenceMillis: number;
}

/** What to write, then what to answer; `silent` = the effect stands, but nobody is told. */
export interface Decision {
  readonly answer: Answer;
  readonly entry?: Omit<LedgerEntry, 'answer'>;
  readonly silent?: boolean;
}

export type Rule = (state: LedgerState, form: FormBody, facts: Facts) => Decision;

const routes: readonly {
  readonly method: string;
  readonly pattern: RegExp;
  readonly operation: (id: string) => Operation;
}[] = [
  { method: 'POST', pattern: /^\/v1\/payment_intents$/, operation: () => ({ kind: 'create-intent' }) },
  { method: 'GET', pattern: /^\/v1\/payment_intents$/, operation: () => ({ kind: 'list-intents' }) },
  {
    method: 'GET',
    pattern: /^\/v1\/payment_intents\/search$/,
    operation: () => ({ kind: 'search-intents' }),
  },
  {
    method: 'GET',
    pattern: /^\/v1\/payment_intents\/([^/]+)$/,
    operation: (intentId) => ({ kind: 'get-intent', intentId }),
  },
  {
    method: 'POST',
    pattern: /^\/v1\/payment_intents\/([^/]+)\/confirm$/,
    operation: (intentId) => ({ kind: 'confirm-intent', intentId }),
  },
  {
    method: 'POST',
    pattern: /^\/v1\/payment_intents\/([^/]+)\/cancel$/,
    operation: (intentId) => ({ kind: 'cancel-intent', intentId }),
  },
  { method: 'POST', pattern: /^\/v1\/refunds$/, operation: () => ({ kind: 'create-refund' }) },
  { method: 'GET', pattern: /^\/v1\/refunds$/, operation: () => ({ kind: 'list-refunds' }) },
  {
    method: 'GET',
    pattern: /^\/v1\/refunds\/([^/]+)$/,
    operation: (refundId) => ({ kind: 'get-refund', refundId }),
  },
];

export function operationOf(method: string, path: string): Operation | undefined {
  for (const route of routes) {
    const match = route.method === method ? route.pattern.exec(path) : null;
    if (match) return route.operation(match[1] ?? '');
  }
  return undefined;
}

/** The intent that a request is about: what is locked, and what stays without an answer while the intent is silent. */
export function intentIdOf(operation: Operation, state: LedgerState, form: FormBody): string | undefined {
  switch (operation.kind) {
    case 'get-intent':
    case 'confirm-intent':
    case 'cancel-intent':
      return operation.intentId;
    case 'create-refund':
    case 'list-refunds':
      return form.fields.get('payment_intent');
    case 'get-refund':
      return state.refunds.get(operation.refundId)?.intentId;
    case 'create-intent':
    case 'list-intents':
    case 'search-intents':
      return undefined;
  }
}
