/** What a user sees of OrderSagas with the real kubectl, on the whole system. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { booksOf, expectBalanced } from './support/balance.ts';
import { conditionsOf } from './support/saga-watch.ts';
import { startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem();
});

afterAll(async () => {
  await system.stop();
});

describe('an order that goes well', () => {
  it('ends Completed, paid once, with every condition saying so', async () => {
    const name = await system.applySaga({ story: 'happy' });
    const saga = await system.waitForOutcome(name, 'Completed');
    expect(conditionsOf(saga)).toEqual({
      Succeeded: 'True/Completed',
      Ready: 'True/Completed',
      Reconciling: 'False/Completed',
      Stalled: 'False/Completed',
    });
    expect(await booksOf(system, name)).toEqual({ state: 'CONFIRMED', capturedCents: 100, refundedCents: 0 });
    await system.waitForEvent(name, 'SagaCompleted');
    await expectBalanced(system);
  });
});
