import { describeKernel } from './kernel.behaviour.ts';
import { FakeApi } from './testing/fake-api.ts';

describeKernel('the fake API server', () =>
  Promise.resolve({ transport: new FakeApi().transport, stop: () => Promise.resolve() }),
);
