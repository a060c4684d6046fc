import type { ReplyOutcome } from '@sagamesh/contracts/messages';
import type { FencePlace, FenceState } from '@sagamesh/kit/fence-decision';
import { unreachable } from '@sagamesh/contracts/unreachable';
import type { Payment, Refunds } from '@sagamesh/service-payment/payment-gateway';
import type { Alphabet } from './state-space-alphabet.ts';
import type { Parts } from './state-space-parts.ts';

/**
 * The services of one saga: their fence rows, decided by the real `decideFence`, and one step whose effect is at a provider, with the real
 * decisions what to do there. A handler of that step is a set of stages that somebody may be at, for ever: so any number of handlers may run
 * at once, each may be slow, and each may have died.
 *
 * Left out: a request with another content (Mismatch); the making of the provider's object, which has no effect, is one with the commit of
 * `pending`; a provider that is still at work, or a refund that the bank sends back.
 */

export const rowNames = ['empty', 'pending', 'executed', 'rejected', 'compensated', 'tombstone'] as const;
export type Row = (typeof rowNames)[number];

export const providerNames = [
  'untouched',
  'unconfirmed',
  'captured',
  'refunded',
  'declined',
  'cancelledAsDeclined',
  'cancelled',
] as const;
export type Provider = (typeof providerNames)[number];

/** Between two acts of a handler at the provider, or between the last one and its commit. */
export const stages = [
  'confirm',
  'cancelAsDeclined',
  'commitExecuted',
  'commitRejected',
  'cancel',
  'refund',
  'commitUndone',
] as const;
export type Stage = (typeof stages)[number];

/** What a service has committed. Packed into numbers: three bits per row, one per stage. */
export interface Ledger {
  rows: number;
  provider: number;
  handlers: number;
}

export interface ServicesSetup {
  readonly alphabet: Alphabet;
  readonly parts: Parts;
  /** Index of the step whose effect is outside; -1: none. */
  readonly providerStep: number;
  readonly rejecting: ReadonlySet<number>;
}

export function rowAt(rows: number, stepIndex: number): Row {
  return rowNames[(rows >> (3 * stepIndex)) & 7] ?? 'empty';
}

export function withRow(rows: number, stepIndex: number, row: Row): number {
  const shift = 3 * stepIndex;
  return (rows & ~(7 << shift)) | (rowNames.indexOf(row) << shift);
}

export function stageBit(stage: Stage): number {
  return 1 << stages.indexOf(stage);
}

const amountCents = 100;

export class Services {
  readonly #setup: ServicesSetup;

  constructor(setup: ServicesSetup) {
    this.#setup = setup;
  }

  /** A service takes a message: changes the ledger, gives the answer; null when it dies, or somebody else has to go on. */
  take(ledger: Ledger, message: number): ReplyOutcome | null {
    const { alphabet, parts, providerStep, rejecting } = this.#setup;
    const command = alphabet.messages[message];
    if (!command) throw new RangeError(`no message ${message}`);
    const { direction, stepIndex } = command;
    const decision = parts.decideFence(direction, placeOf(ledger, stepIndex));
    switch (decision.kind) {
      case 'apply':
        if (stepIndex === providerStep) return this.#announce(ledger);
        return this.#put(ledger, stepIndex, rejecting.has(stepIndex) ? 'rejected' : 'executed');
      case 'continue':
        return this.#goOn(ledger, this.#payment(ledger), true);
      case 'undo':
        if (stepIndex === providerStep) return this.#settle(ledger);
        return this.#put(ledger, stepIndex, 'compensated');
      case 'bury':
        ledger.rows = withRow(ledger.rows, stepIndex, 'tombstone');
        return decision.outcome;
      case 'repeat':
        return decision.outcome;
      case 'answer':
        if (decision.outcome === 'NotAPivot') throw new Error('a pivot that is pending');
        return decision.outcome;
      default:
        return unreachable(decision);
    }
  }

  /** A handler goes on from where it was. Whoever finds the row decided says what the row says. */
  proceed(ledger: Ledger, stage: Stage): ReplyOutcome | null {
    const payment = this.#payment(ledger);
    switch (stage) {
      case 'confirm':
        if (payment.phase === 'unconfirmed') {
          setProvider(ledger, this.#declines ? 'declined' : 'captured');
        }
        return this.#goOn(ledger, this.#payment(ledger), false);
      case 'cancelAsDeclined':
        if (payment.phase === 'declined') setProvider(ledger, 'cancelledAsDeclined');
        return this.#goOn(ledger, this.#payment(ledger), false);
      case 'commitExecuted':
        return this.#commit(ledger, 'executed');
      case 'commitRejected':
        return this.#commit(ledger, 'rejected');
      case 'cancel':
        if (payment.phase === 'unconfirmed' || payment.phase === 'declined') setProvider(ledger, 'cancelled');
        return this.#settle(ledger);
      case 'refund':
        if (payment.phase === 'captured') setProvider(ledger, 'refunded');
        return this.#settle(ledger);
      case 'commitUndone':
        return this.#commitUndone(ledger);
      default:
        return unreachable(stage);
    }
  }

  get #declines(): boolean {
    return this.#setup.rejecting.has(this.#setup.providerStep);
  }

  /** tx 1. Then the handler may die, so going on is a message of its own: the same command, once more. */
  #announce(ledger: Ledger): null {
    const { providerStep, parts } = this.#setup;
    if (ledger.provider === 0) setProvider(ledger, 'unconfirmed');
    if (parts.shell.intentFirst) ledger.rows = withRow(ledger.rows, providerStep, 'pending');
    else ledger.handlers |= stageBit('confirm');
    return null;
  }

  #goOn(ledger: Ledger, payment: Payment, isFirstAct: boolean): null {
    const found = isFirstAct && payment.phase === 'captured';
    const move = this.#setup.parts.nextChargeMove(payment, found ? refundsOf(ledger) : noRefunds);
    switch (move.kind) {
      case 'confirm':
        ledger.handlers |= stageBit('confirm');
        return null;
      case 'cancel':
        ledger.handlers |= stageBit('cancelAsDeclined');
        return null;
      case 'executed':
        ledger.handlers |= stageBit('commitExecuted');
        return null;
      case 'rejected':
        ledger.handlers |= stageBit('commitRejected');
        return null;
      case 'wait':
        return null;
      default:
        return unreachable(move);
    }
  }

  /** tx 2 of a charge: between the call and now anything may have happened at the row. */
  #commit(ledger: Ledger, row: 'executed' | 'rejected'): ReplyOutcome {
    const { providerStep, parts } = this.#setup;
    const decision = parts.decideFence('execute', placeOf(ledger, providerStep));
    const isFree = decision.kind === 'continue' || decision.kind === 'apply';
    if (isFree || !parts.shell.decidesAgain) return this.#put(ledger, providerStep, row);
    if (decision.kind !== 'repeat' && decision.kind !== 'answer') throw new Error(decision.kind);
    if (decision.outcome === 'NotAPivot') throw new Error('a charge is no pivot');
    return decision.outcome;
  }

  #settle(ledger: Ledger): null {
    const move = this.#setup.parts.nextSettleMove(this.#payment(ledger), refundsOf(ledger));
    switch (move.kind) {
      case 'cancel':
        ledger.handlers |= stageBit('cancel');
        return null;
      case 'refund':
        ledger.handlers |= stageBit('refund');
        return null;
      case 'settled':
        ledger.handlers |= stageBit('commitUndone');
        return null;
      case 'wait':
        return null;
      default:
        return unreachable(move);
    }
  }

  #commitUndone(ledger: Ledger): ReplyOutcome {
    const { providerStep, parts } = this.#setup;
    const decision = parts.decideFence('compensate', placeOf(ledger, providerStep));
    if (decision.kind === 'undo') return this.#put(ledger, providerStep, 'compensated');
    if (decision.kind !== 'repeat' && decision.kind !== 'answer') throw new Error(decision.kind);
    if (decision.outcome === 'NotAPivot') throw new Error('a refund is no pivot');
    return decision.outcome;
  }

  #put(ledger: Ledger, stepIndex: number, row: 'executed' | 'rejected' | 'compensated'): ReplyOutcome {
    ledger.rows = withRow(ledger.rows, stepIndex, row);
    return said[row];
  }

  #payment(ledger: Ledger): Payment {
    const provider = providerNames[ledger.provider] ?? 'untouched';
    return {
      paymentId: 'pi',
      phase: phases[provider],
      amountCents,
      cancelledAsDeclined: provider === 'cancelledAsDeclined',
      declineMessage: undefined,
    };
  }
}

const said = { executed: 'Executed', rejected: 'Rejected', compensated: 'Compensated' } as const;

const phases: Readonly<Record<Provider, Payment['phase']>> = {
  untouched: 'unconfirmed',
  unconfirmed: 'unconfirmed',
  captured: 'captured',
  refunded: 'captured',
  declined: 'declined',
  cancelledAsDeclined: 'cancelled',
  cancelled: 'cancelled',
};

const noRefunds: Refunds = { refundedCents: 0, failedCount: 0 };

function refundsOf(ledger: Ledger): Refunds {
  return {
    refundedCents: providerNames[ledger.provider] === 'refunded' ? amountCents : 0,
    failedCount: 0,
  };
}

function setProvider(ledger: Ledger, provider: Provider): void {
  ledger.provider = providerNames.indexOf(provider);
}

function placeOf(ledger: Ledger, stepIndex: number): FencePlace {
  const row = rowAt(ledger.rows, stepIndex);
  if (row === 'empty') return { kind: 'empty' };
  const state: FenceState = row;
  return { kind: 'row', state, sameRequest: true };
}
