import { expect, it } from 'vitest';
import { refusalOf } from './nats-refusals.ts';

it.each([
  [
    'nats-server 2.15',
    '[1] 2026/01/01 00:00:00.0 [ERR] 127.0.0.1:4 - cid:5 - "v2.29.3:nats.js:order" - "$G/user:order" - Publish Violation - Subject "saga.cmd.payment.charge"',
    'order publish saga.cmd.payment.charge',
  ],
  [
    'nats-server 2.15',
    '[1] 2026/01/01 00:00:00.0 [ERR] 127.0.0.1:4 - cid:5 - "v2.29.3:nats.js:order" - "$G/user:order" - Subscription Violation - Subject "_INBOX_user.>", SID 1',
    'order subscription _INBOX_user.>',
  ],
  [
    'nats-server 2.10',
    '[1] 2026/01/01 00:00:00.0 [ERR] 127.0.0.1:4 - cid:5 - Publish Violation - User "order", Subject "saga.cmd.payment.charge"',
    'order publish saga.cmd.payment.charge',
  ],
])('finds who was refused what in the log of %s', (_server, line, refusal) => {
  expect(refusalOf(line)).toBe(refusal);
});

it('lets no violation pass that is written in another way', () => {
  expect(refusalOf('Authorization Violation of somebody')).toBe('Authorization Violation of somebody');
});

it('is silent about everything else', () => {
  expect(refusalOf('[1] [INF] Server is ready')).toBeUndefined();
});
