import { createHash } from 'node:crypto';
import type { FormBody } from './form-body.ts';
import type { LedgerEntry, LedgerState, StoredAnswer } from './ledger-state.ts';
import { applyEntry } from './ledger-state.ts';
import {
  cancelIntent,
  confirmIntent,
  createIntent,
  getIntent,
  listIntents,
  searchIntents,
} from './intent-rules.ts';
import type { Journal } from './journal.ts';
import type { Decision, Facts, Operation, Rule } from './operation.ts';
import { intentIdOf } from './operation.ts';
import { createRefund, getRefund, listRefunds } from './refund-rules.ts';
import type { Answer } from './stripe-answer.ts';
import { refused } from './stripe-answer.ts';
import { conductOf } from './test-payment-method.ts';

/** The provider without HTTP: idempotency keys, locks and silence around the pure rules. */
export interface ProviderOptions {
  readonly slowMillis: number;
  readonly silenceMillis: number;
  readonly now: () => number;
  readonly newId: Facts['newId'];
  readonly delay: (millis: number) => Promise<void>;
  /** Answered instead of carrying the request out, for whoever simulates a bad day; absent: never. Stored under the key when it says so. */
  readonly trouble?: (request: ProviderRequest) => Answer | undefined;
}

export interface ProviderRequest {
  readonly operation: Operation;
  readonly form: FormBody;
  /** Method, path and raw parameters: what an idempotency key stands for. */
  readonly fingerprintSource: string;
  readonly idempotencyKey: string | undefined;
}

export type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly replayed: boolean }
  /** No answer at all; the connection may be dropped at that time, not before. */
  | { readonly kind: 'silence'; readonly untilMillis: number };

function ruleOf(operation: Operation): Rule {
  switch (operation.kind) {
    case 'create-intent':
      return createIntent;
    case 'get-intent':
      return getIntent(operation.intentId);
    case 'confirm-intent':
      return confirmIntent(operation.intentId);
    case 'cancel-intent':
      return cancelIntent(operation.intentId);
    case 'list-intents':
      return listIntents;
    case 'search-intents':
      return searchIntents;
    case 'create-refund':
      return createRefund;
    case 'get-refund':
      return getRefund(operation.refundId);
    case 'list-refunds':
      return listRefunds;
  }
}

function writes(operation: Operation): boolean {
  return ['create-intent', 'confirm-intent', 'cancel-intent', 'create-refund'].includes(operation.kind);
}

const keyInProgress = refused(409, {
  type: 'idempotency_error',
  code: 'idempotency_key_in_use',
  message: 'There is currently another in-progress request using this Idempotency Key.',
});
const keyReused = refused(400, {
  type: 'idempotency_error',
  message:
    'Keys for idempotent requests can only be used with the same parameters they were first used with.',
});
const objectLocked = refused(429, {
  type: 'invalid_request_error',
  code: 'lock_timeout',
  message: 'This object cannot be accessed right now because another request is currently accessing it.',
});

export class PaymentProvider {
  readonly #state: LedgerState;
  readonly #journal: Journal;
  readonly #options: ProviderOptions;
  readonly #keysInProgress = new Set<string>();
  readonly #lockedIntents = new Set<string>();

  constructor(state: LedgerState, journal: Journal, options: ProviderOptions) {
    this.#state = state;
    this.#journal = journal;
    this.#options = options;
  }

  async handle(request: ProviderRequest): Promise<Outcome> {
    const silence = this.#silenceOf(intentIdOf(request.operation, this.#state, request.form));
    if (silence) return silence;
    if (!writes(request.operation)) return this.#say(this.#decide(request).answer);
    const fingerprint = createHash('sha256').update(request.fingerprintSource).digest('hex');
    const key = request.idempotencyKey;
    if (key === undefined) return this.#locked(request, fingerprint);
    const stored = this.#state.answers.get(key);
    if (stored) return this.#replay(stored, fingerprint);
    if (this.#keysInProgress.has(key)) return this.#say(keyInProgress);
    this.#keysInProgress.add(key);
    try {
      return await this.#locked(request, fingerprint);
    } finally {
      this.#keysInProgress.delete(key);
    }
  }

  async #locked(request: ProviderRequest, fingerprint: string): Promise<Outcome> {
    const intentId = intentIdOf(request.operation, this.#state, request.form);
    if (intentId === undefined) return this.#decideAndRecord(request, fingerprint);
    if (this.#lockedIntents.has(intentId)) return this.#say(objectLocked);
    this.#lockedIntents.add(intentId);
    try {
      if (this.#isSlow(request, intentId)) await this.#options.delay(this.#options.slowMillis);
      return await this.#decideAndRecord(request, fingerprint);
    } finally {
      this.#lockedIntents.delete(intentId);
    }
  }

  #isSlow(request: ProviderRequest, intentId: string): boolean {
    const given = request.form.fields.get('payment_method');
    const paymentMethod = given ?? this.#state.intents.get(intentId)?.paymentMethod;
    return request.operation.kind === 'confirm-intent' && conductOf(paymentMethod ?? '')?.kind === 'slow';
  }

  async #decideAndRecord(request: ProviderRequest, fingerprint: string): Promise<Outcome> {
    const decision = this.#decide(request);
    const intentId =
      decision.entry?.intent?.id ?? intentIdOf(request.operation, this.#state, request.form) ?? null;
    const { idempotencyKey: key } = request;
    const { status, stored } = decision.answer;
    const body = JSON.stringify(decision.answer.body);
    const entry: LedgerEntry = {
      ...decision.entry,
      ...(key !== undefined && stored ? { answer: { key, fingerprint, status, body, intentId } } : {}),
    };
    if (Object.keys(entry).length > 0) {
      applyEntry(this.#state, entry);
      await this.#journal.append(entry);
    }
    return (decision.silent === true ? this.#silenceOf(intentId) : undefined) ?? this.#say(decision.answer);
  }

  #decide(request: ProviderRequest): Decision {
    const trouble = this.#options.trouble?.(request);
    if (trouble) return { answer: trouble };
    const { newId, silenceMillis } = this.#options;
    const facts = { nowMillis: this.#options.now(), newId, silenceMillis };
    return ruleOf(request.operation)(this.#state, request.form, facts);
  }

  #silenceOf(intentId: string | null | undefined): Outcome | undefined {
    const untilMillis = this.#state.intents.get(intentId ?? '')?.silentUntilMillis ?? 0;
    return untilMillis > this.#options.now() ? { kind: 'silence', untilMillis } : undefined;
  }

  /** Nothing is said before all that it could rest on is on the disk. */
  async #say(answer: Answer): Promise<Outcome> {
    await this.#journal.settled();
    return { kind: 'answer', status: answer.status, body: JSON.stringify(answer.body), replayed: false };
  }

  async #replay(stored: StoredAnswer, fingerprint: string): Promise<Outcome> {
    if (stored.fingerprint !== fingerprint) return this.#say(keyReused);
    const silence = this.#silenceOf(stored.intentId);
    if (silence) return silence;
    await this.#journal.settled();
    return { kind: 'answer', status: stored.status, body: stored.body, replayed: true };
  }
}
