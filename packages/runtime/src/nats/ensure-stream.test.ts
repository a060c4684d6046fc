import { expect, it } from 'vitest';
import { streamDefinitions } from '../streams.ts';
import { differingSettings, settingsOf, withoutFewerCopies } from './ensure-stream.ts';

const [definition] = streamDefinitions;
const settings = (replicas: number) => {
  if (definition === undefined) throw new Error('there are no streams');
  return settingsOf(definition, replicas);
};

it('a process that was not told of several copies leaves those that are there', () => {
  const existing = settings(3);
  const wanted = withoutFewerCopies(settings(1), existing);
  expect(differingSettings(existing, wanted)).toEqual([]);
});

it('one that was told of more asks for them', () => {
  const existing = settings(1);
  expect(differingSettings(existing, withoutFewerCopies(settings(3), existing))).toEqual(['num_replicas']);
});

it('other settings are brought to the definition, and the copies stay', () => {
  const existing = { ...settings(3), max_bytes: 1 };
  const wanted = withoutFewerCopies(settings(1), existing);
  expect(differingSettings(existing, wanted)).toEqual(['max_bytes']);
  expect(wanted.num_replicas).toBe(3);
});
