import { expect, test } from 'vitest';
import { replyResultsMax } from '@sagamesh/contracts/bounded-text';
import { replySchema } from '@sagamesh/contracts/messages';
import { TerminalError } from '@sagamesh/runtime/errors';
import { assertResult, replyTo } from './fence-reply.ts';
import { commandBuilder } from './testing/command-builder.ts';

const command = commandBuilder({ step: 'reserveInventory', action: 'reserve' })();
const results = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'value']));

test('as many results as a reply may carry are let through, and the operator can read them', () => {
  const result = assertResult(results(replyResultsMax));
  expect(replySchema.parse(replyTo(command, 'Executed', { result }))).toMatchObject({ result });
});

test.each([
  ['too many results', results(replyResultsMax + 1)],
  ['a name that is too long', { ['k'.repeat(64)]: 'value' }],
  ['a value that is too long', { key: 'v'.repeat(257) }],
])('%s are refused before the operator would have to', (_name, result) => {
  expect(() => assertResult(result)).toThrow(TerminalError);
  expect(replySchema.safeParse(replyTo(command, 'Executed', { result })).success).toBe(false);
});

test('texts are cut to what a reply may carry, never inside a character', () => {
  const reply = replyTo(command, 'Rejected', { reason: 'R'.repeat(100), message: '😀'.repeat(200) });
  expect(replySchema.safeParse(reply).success).toBe(true);
  // A high surrogate without its low one.
  expect(reply.message).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
});
