import {
  commandSubject,
  deadLetterSubject,
  eventSubject,
  replySubject,
  streamNames,
} from '@sagamesh/contracts/subjects';
import { describe, expect, it } from 'vitest';
import { streamOfName, streamOfSubject } from './streams.ts';

describe('streamOfSubject', () => {
  it.each([
    [commandSubject('order', 'create'), streamNames.commands],
    [replySubject('order'), streamNames.replies],
    [eventSubject('order.created'), streamNames.events],
    [deadLetterSubject('order'), streamNames.deadLetters],
  ])('finds for %s the stream %s', (subject, name) => {
    expect(streamOfSubject(subject)).toBe(streamOfName(name));
    expect(streamOfName(name)?.name).toBe(name);
  });

  it('finds none for a stranger', () => {
    expect(streamOfSubject('saga.cmdx.order')).toBeUndefined();
    expect(streamOfName('X')).toBeUndefined();
  });
});
