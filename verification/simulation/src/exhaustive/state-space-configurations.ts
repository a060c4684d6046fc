import type { Model } from './state-space.ts';
import type { Parts } from './state-space-parts.ts';
import { SagaModel } from './state-space-saga.ts';
import type { Configuration } from './state-space-saga.ts';

/** The scopes that are searched: each adds one kind of trouble to the common one, because all of them at once are too many states. */

export interface Scope {
  readonly name: string;
  readonly model: (parts: Parts) => Model;
}

/** Plan a, b, p (the pivot), n; b is paid at a provider; two operators; a bus that keeps no promise; crashes; the deadline. */
export const commonScope: Configuration = {
  name: 'common',
  before: ['a', 'b'],
  after: ['n'],
  providerStep: 'b',
  rejecting: [],
  maxAttempts: 1,
  heldFromStart: false,
  people: new Set(),
  abandonable: [],
  deadline: true,
  reconnects: false,
  progress: false,
  losses: false,
  silent: [],
  operators: 2,
};

/** Plan a, p, n, all in databases: where the scope is about something else, two operators stay affordable. */
const short = { before: ['a'], providerStep: null } as const;

export function scopeOf(change: Partial<Configuration> & { readonly name: string }): Scope {
  const configuration = { ...commonScope, ...change };
  return { name: configuration.name, model: (parts) => new SagaModel(configuration, parts) };
}

export const sagaScopes: readonly Scope[] = [
  scopeOf({
    name: 'nobody says no; two attempts, lost connections, status writes in between',
    maxAttempts: 2,
    reconnects: true,
    progress: true,
  }),
  ...['a', 'b', 'p'].map((step) =>
    scopeOf({ name: `${step} says no`, rejecting: [step], maxAttempts: 2, progress: true }),
  ),
  scopeOf({ name: 'a and b say no', rejecting: ['a', 'b'], maxAttempts: 2, progress: true }),
  scopeOf({ name: 'n, behind the pivot, says no, and nobody comes', rejecting: ['n'], maxAttempts: 2 }),
  scopeOf({ name: 'n says no, and a person may abandon it', rejecting: ['n'], abandonable: ['n'] }),
  ...(['compensate a', 'revoke p', 'execute n'] as const).map((silent) =>
    scopeOf({
      ...short,
      name: `nobody answers "${silent}", and a person may abandon it`,
      silent: [silent],
      abandonable: [silent.slice(-1)],
    }),
  ),
  scopeOf({
    name: 'any step named in abandon-step at any time; one operator',
    abandonable: ['a', 'b', 'p', 'n'],
    operators: 1,
  }),
  scopeOf({ name: 'cancel and delete at any time', people: new Set(['cancel', 'delete']) }),
  scopeOf({ name: 'delete of what the intake made', people: new Set(['delete']), heldFromStart: true }),
  scopeOf({
    name: 'a wiped status, and cancel, at any time',
    people: new Set(['wipe', 'cancel']),
    progress: true,
  }),
  scopeOf({
    ...short,
    name: 'suspend and resume at any time',
    people: new Set(['suspend']),
    deadline: false,
  }),
  scopeOf({
    ...short,
    name: 'suspend, resume, cancel, delete at any time; one operator',
    people: new Set(['suspend', 'cancel', 'delete']),
    progress: true,
    operators: 1,
  }),
  scopeOf({ ...short, name: 'messages, answers and handlers are lost for good', losses: true }),
  scopeOf({ name: 'lost for good, with the provider; one operator', losses: true, operators: 1 }),
];
