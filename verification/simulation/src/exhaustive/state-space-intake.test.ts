import { describe, expect, it } from 'vitest';
import { runStateSpace } from './run-state-space.ts';
import type { ScopeResult } from './run-state-space.ts';
import { intakeScopeOf } from './state-space-intake-scopes.ts';
import type { IntakeConfiguration } from './state-space-intake.ts';
import { realOrderParts } from './state-space-order.ts';
import type { OrderParts } from './state-space-order.ts';

/** The search of the claim is judged: nothing bad of the product, and the truth of each broken one. */

function search(change: Partial<IntakeConfiguration> = {}, parts: Partial<OrderParts> = {}): ScopeResult {
  const scope = intakeScopeOf({ name: 'claim', ...change }, { ...realOrderParts, ...parts });
  const [result] = runStateSpace([scope], { epochMillis: () => 0 });
  if (!result) throw new Error('nothing was searched');
  return result;
}

const { decideClaim, decideConfirm, isUnclaimedOrderOf } = realOrderParts;

interface Mutant {
  readonly name: string;
  readonly parts: Partial<OrderParts>;
  readonly found: RegExp;
  readonly change?: Partial<IntakeConfiguration>;
}

const mutants: readonly Mutant[] = [
  {
    name: 'create takes an order that is claimed',
    parts: { decideClaim: (existing, wanted) => decideClaim({ ...existing, sagaUid: null }, wanted) },
    found: /the claim of saga|both sagas got/,
  },
  {
    name: 'create takes an order that has ended',
    parts: { decideClaim: (existing, wanted) => decideClaim({ ...existing, state: 'PENDING' }, wanted) },
    found: /an order that had ended is open again/,
  },
  {
    name: 'the undo of nothing cancels what another saga has claimed',
    parts: {
      isUnclaimedOrderOf: (existing, wanted): existing is NonNullable<typeof existing> =>
        isUnclaimedOrderOf(existing && { ...existing, sagaUid: null }, wanted),
    },
    found: /the order of saga \d is CANCELLED/,
  },
  {
    name: 'the undo of nothing leaves the order to be announced for ever',
    parts: { isUnclaimedOrderOf: (existing): existing is NonNullable<typeof existing> => false },
    found: /announced for ever/,
  },
  {
    name: 'a refusal cancels what a saga has claimed',
    parts: {
      decideRefusal: (existing) =>
        existing?.state === 'PENDING' ? { kind: 'cancel', existing } : { kind: 'alreadyCancelled' },
    },
    change: { refuses: true },
    found: /the order of saga \d is CANCELLED/,
  },
  {
    name: 'confirm does not ask whose order it is',
    parts: {
      decideClaim: () => ({ kind: 'claim' }),
      decideConfirm: (existing, orderId) => decideConfirm(existing, orderId, existing?.sagaUid ?? ''),
    },
    found: /both sagas/,
  },
];

describe('the search of the claim', { timeout: 60_000 }, () => {
  it.each([{}, { refuses: true, namesEvent: [true, false] }, { sameName: true }] as const)(
    'finds nothing in the product, and an end of both sagas from everywhere: %o',
    (change) => {
      const result = search(change);
      expect(result.problem).toBeNull();
      expect(result).toMatchObject({ withoutEnd: 0, waitingForPerson: 0 });
      expect(result.ends).toBeGreaterThan(0);
    },
  );

  it.each(mutants)('finds: $name', ({ parts, change, found }) => {
    const { problem } = search(change, parts);
    expect(problem?.what ?? 'nothing').toMatch(found);
    expect(problem?.path.length).toBeGreaterThan(2);
  });
});
