import { describeKernel } from './kernel.behaviour.ts';
import { describeMisbehaviour } from './misbehaviour.behaviour.ts';
import { FakeApi } from './testing/fake-api.ts';
import { fakeStage } from './testing/stage.ts';

describeKernel('the fake API server', () =>
  Promise.resolve({ transport: new FakeApi().transport, stop: () => Promise.resolve() }),
);
describeMisbehaviour('the fake API server', fakeStage);
