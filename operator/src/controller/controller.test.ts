import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../kube/api-error.ts';
import { treatFailure } from './controller.ts';

const throttled = { status: 429, reason: 'TooManyRequests', message: 'slow down', retryAfterMillis: 7_000 };

describe('a reconcile that failed', () => {
  it.each([
    ['says that trying again is no use', new TerminalError('no'), { kind: 'terminal' }],
    ['was throttled by the API server', new ApiError(throttled), { kind: 'retry', afterMillis: 7_000 }],
    [
      'was told when',
      new RetryableError('busy', { retryAfterMillis: 3_000 }),
      { kind: 'retry', afterMillis: 3_000 },
    ],
    [
      'lacks a permission',
      new ApiError({ status: 403, reason: 'Forbidden', message: '' }),
      { kind: 'retry' },
    ],
    ['did not expect it', new Error('bug'), { kind: 'retry' }],
  ])('because it %s is treated so', (_name, error, treatment) => {
    expect(treatFailure(error)).toEqual(treatment);
  });
});
