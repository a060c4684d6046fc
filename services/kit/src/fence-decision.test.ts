import { expect, test } from 'vitest';
import type { Direction } from '@sagamesh/contracts/messages';
import { decideFence, type FencePlace, type FenceState } from './fence-decision.ts';

// The fence table of docs/architecture.md, cell by cell. `!` marks another request hash than the row's.
const table: Record<FenceState | 'empty', Record<Direction | 'execute!', string>> = {
  empty: {
    execute: 'apply',
    'execute!': 'apply',
    compensate: 'bury NothingToUndo',
    revoke: 'bury Revoked',
  },
  pending: {
    execute: 'continue',
    'execute!': 'answer Mismatch',
    compensate: 'undo',
    revoke: 'answer NotAPivot',
  },
  executed: {
    execute: 'repeat Executed',
    'execute!': 'answer Mismatch',
    compensate: 'undo',
    revoke: 'answer PivotPassed',
  },
  rejected: {
    execute: 'repeat Rejected',
    'execute!': 'repeat Rejected',
    compensate: 'answer NothingToUndo',
    revoke: 'answer Revoked',
  },
  compensated: {
    execute: 'answer Fenced',
    'execute!': 'answer Fenced',
    compensate: 'repeat Compensated',
    revoke: 'answer Revoked',
  },
  tombstone: {
    execute: 'answer Fenced',
    'execute!': 'answer Fenced',
    compensate: 'repeat NothingToUndo',
    revoke: 'answer Revoked',
  },
};

const states = ['empty', 'pending', 'executed', 'rejected', 'compensated', 'tombstone'] as const;
const messages = [
  { message: 'execute', direction: 'execute', sameRequest: true },
  { message: 'execute!', direction: 'execute', sameRequest: false },
  { message: 'compensate', direction: 'compensate', sameRequest: true },
  { message: 'revoke', direction: 'revoke', sameRequest: true },
] as const;
const cells = states.flatMap((state) =>
  messages.map((message) => ({ state, ...message, expected: table[state][message.message] })),
);

test.each(cells)('$state row, $message: $expected', ({ state, direction, sameRequest, expected }) => {
  const place: FencePlace = state === 'empty' ? { kind: 'empty' } : { kind: 'row', state, sameRequest };
  const decision = decideFence(direction, place);
  expect('outcome' in decision ? `${decision.kind} ${decision.outcome}` : decision.kind).toBe(expected);
});

test('what must be undone does not depend on the request hash', () => {
  for (const state of ['pending', 'executed', 'rejected', 'compensated', 'tombstone'] as const)
    for (const direction of ['compensate', 'revoke'] as const)
      expect(decideFence(direction, { kind: 'row', state, sameRequest: false })).toEqual(
        decideFence(direction, { kind: 'row', state, sameRequest: true }),
      );
});
