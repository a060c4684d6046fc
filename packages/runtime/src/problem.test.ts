import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RetryableError, TerminalError } from './errors.ts';
import { problemBody, problemOf } from './http-problems.ts';
import { HttpProblem, parseBody } from './problem.ts';

const schema = z.object({ items: z.array(z.object({ sku: z.string(), 'a/b~c': z.int().optional() })) });

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('a body that does not fit', () => {
  it('is answered 422 with a JSON pointer to each field', () => {
    const thrown = thrownBy(() => parseBody(schema, { items: [{ sku: 1 }, { sku: 'x', 'a/b~c': 0.5 }] }));
    expect(thrown).toBeInstanceOf(HttpProblem);
    const { init } = problemOf(thrown);
    expect(init.status).toBe(422);
    expect(init.errors?.map((one) => one.pointer)).toEqual(['/items/0/sku', '/items/1/a~1b~0c']);
  });

  it('is answered 400 when there is none', () => {
    expect(problemOf(thrownBy(() => parseBody(schema, undefined))).init.status).toBe(400);
  });

  it('that is wrong in ten thousand places gets a bounded answer', () => {
    const items = Array.from({ length: 10_000 }, () => ({ sku: 1 }));
    expect(problemOf(thrownBy(() => parseBody(schema, { items }))).init.errors).toHaveLength(50);
  });
});

describe('problemOf', () => {
  it.each([
    ['an unknown error', new Error('password=hunter2'), 500],
    ['a terminal error', new TerminalError('password=hunter2'), 500],
    ['something that is no error', 'password=hunter2', 500],
    ['an error of a library with a server status', Object.assign(new Error('hunter2'), { status: 502 }), 500],
    ['an error of a library with a client status', Object.assign(new Error('hunter2'), { status: 400 }), 400],
    ['a retryable error', new RetryableError('hunter2'), 503],
  ])('never shows the text of %s', (_name, thrown, status) => {
    const { init } = problemOf(thrown);
    expect(init.status).toBe(status);
    expect(JSON.stringify(problemBody(init, '/x'))).not.toContain('hunter2');
  });

  it('tells when to come back', () => {
    const { init } = problemOf(new RetryableError('x', { retryAfterMillis: 2_500 }));
    expect(init.headers).toEqual({ 'retry-after': '3' });
  });

  it('reports to the log what is our own fault, and nothing else', () => {
    expect(problemOf(new Error('x')).report).toBe(true);
    expect(problemOf(new HttpProblem({ status: 404 })).report).toBe(false);
    expect(problemOf(new HttpProblem({ status: 500 })).report).toBe(true);
    // A service that starts, and something that is missing.
    expect(problemOf(new HttpProblem({ status: 503 })).report).toBe(false);
    expect(problemOf(new HttpProblem({ status: 503 }, { cause: new Error('x') })).report).toBe(true);
  });
});

describe('problemBody', () => {
  it('has the members of RFC 9457', () => {
    expect(problemBody({ status: 409, detail: 'taken' }, '/api/v1/orders')).toEqual({
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'taken',
      instance: '/api/v1/orders',
    });
  });
});
