import { describe, expect, it } from 'vitest';
import { runInContext } from './correlation.ts';
import {
  childTraceparent,
  contextFromHeaders,
  contextHeaders,
  newTraceparent,
  traceIdOf,
} from './trace-context.ts';

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const hex = (bytes: number): string => 'ab'.repeat(bytes);

describe('traceparent', () => {
  it('of a new trace has the form of W3C level 1', () => {
    expect(newTraceparent()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(newTraceparent()).not.toBe(newTraceparent());
  });

  it('of a child keeps trace and flags and has a span of its own', () => {
    expect(childTraceparent(parent, hex)).toBe(`00-0af7651916cd43dd8448eb211c80319c-${hex(8)}-01`);
  });

  it.each([
    ['', 'nothing'],
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', 'trace id of zeros'],
    ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', 'span id of zeros'],
    ['00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01', 'capital letters'],
    [`${parent}\nx: y`, 'a line break'],
  ])('that is broken (%j: %s) starts a new trace', (broken) => {
    expect(childTraceparent(broken, hex)).toBe(newTraceparent(hex));
  });
});

describe('the context of a message', () => {
  it('goes into headers and comes back in the same trace', () => {
    const context = { correlationId: 'c-1', traceparent: parent };
    const headers = new Map(Object.entries(runInContext(context, () => contextHeaders())));
    const received = contextFromHeaders(headers);
    expect(received.correlationId).toBe('c-1');
    expect(traceIdOf(received.traceparent)).toBe(traceIdOf(parent));
    expect(received.traceparent).not.toBe(parent);
  });

  it('is made where none came in', () => {
    const context = contextFromHeaders(new Map());
    expect(context.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(contextFromHeaders(new Map(), 'saga-uid').correlationId).toBe('saga-uid');
  });

  it.each(['', 'a b', 'x'.repeat(200), '<script>', 'a\nb'])(
    'does not take %j for a correlation id',
    (given) => {
      expect(contextFromHeaders(new Map([['x-correlation-id', given]]), 'mine').correlationId).toBe('mine');
    },
  );

  it('is empty outside of any work', () => {
    expect(contextHeaders()).toEqual({});
  });
});
