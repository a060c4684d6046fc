import { describe, expect, it } from 'vitest';
import { runInContext } from './correlation.ts';
import { createLogger, type Logger } from './logger.ts';

function recorded(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'order',
    level: 'debug',
    destination: { write: (line) => lines.push(line) },
  });
  return { logger, lines };
}

const secrets = {
  email: 'ada.lovelace+shop@example.co.uk',
  phone: '+49 170 1234567',
  paymentMethod: 'pm_card_visa',
  authorization: 'Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
  card: '4242 4242 4242 4242',
};

const order = {
  id: 'order-1001',
  customerId: 'ada',
  paymentMethod: secrets.paymentMethod,
  contact: { email: secrets.email, phone: secrets.phone },
};

describe('a log line', () => {
  it('is JSON with level, time, name and message', () => {
    const { logger, lines } = recorded();
    logger.info({ orderId: 'order-1001' }, 'created');
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.any(Number),
      name: 'order',
      orderId: 'order-1001',
      msg: 'created',
    });
  });

  it('carries the ids of the work at hand, and of no other', async () => {
    const { logger, lines } = recorded();
    const contexts = ['a', 'b'].map((id) => ({
      correlationId: id,
      traceparent: `00-${id.repeat(32)}-${id.repeat(16)}-01`,
    }));
    await Promise.all(
      contexts.map((context) =>
        runInContext(context, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          logger.info({ of: context.correlationId }, 'x');
        }),
      ),
    );
    logger.info('outside');
    const [first, second, outside] = lines.map((line) => JSON.parse(line));
    expect(first).toMatchObject({ of: 'a', correlationId: 'a', traceId: 'a'.repeat(32) });
    expect(second).toMatchObject({ of: 'b', correlationId: 'b', traceId: 'b'.repeat(32) });
    expect(outside).not.toHaveProperty('correlationId');
  });

  it('may name a correlation id of its own', () => {
    const { logger, lines } = recorded();
    runInContext({ correlationId: 'ambient', traceparent: '' }, () =>
      logger.info({ correlationId: 'own' }, 'x'),
    );
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ correlationId: 'own' });
    expect(lines[0]?.match(/correlationId/g)).toHaveLength(1);
  });

  const cases: readonly (readonly [string, (logger: Logger) => void])[] = [
    ['an order', (logger) => logger.info({ order }, 'x')],
    ['a command deep inside', (logger) => logger.info({ a: { b: [{ c: { command: { order } } }] } }, 'x')],
    ['request headers', (logger) => logger.info({ headers: { Authorization: secrets.authorization } }, 'x')],
    ['a child logger', (logger) => logger.child({ order }).info('x')],
    [
      'an error text',
      (logger) => logger.error({ err: new Error(`Key (email)=(${secrets.email}) exists`) }, 'x'),
    ],
    [
      'an error with fields',
      (logger) => logger.error({ err: Object.assign(new Error('x'), { detail: secrets.email, order }) }, 'x'),
    ],
    [
      'an error whose cause quotes it',
      (logger) =>
        logger.error({ err: new Error('x', { cause: new Error(`bad ${secrets.paymentMethod}`) }) }, 'x'),
    ],
    ['a message', (logger) => logger.info(`mail to ${secrets.email}, call ${secrets.phone}`)],
    ['JSON inside a message', (logger) => logger.info(JSON.stringify({ ...order, card: secrets.card }))],
    ['a message with a header', (logger) => logger.info(`sent ${secrets.authorization}`)],
    [
      'a card number',
      (logger) => logger.info({ note: secrets.card, digits: secrets.card.replaceAll(' ', '') }, 'x'),
    ],
  ];

  it.each(cases)('never shows personal data or credentials: %s', (_name, log) => {
    const { logger, lines } = recorded();
    log(logger);
    expect(lines).toHaveLength(1);
    const all = lines.join();
    for (const secret of [...Object.values(secrets), '4242424242424242', 'eyJhbGci']) {
      expect(all).not.toContain(secret);
    }
    expect(() => JSON.parse(all)).not.toThrow();
    expect(all).toContain('[redacted]');
  });

  it('hides what only its key tells to be personal', () => {
    const { logger, lines } = recorded();
    const values = {
      phone: '0170 1234567',
      email: 'ada@intranet',
      paymentMethod: 'visa-77',
      password: 'hunter2',
    };
    logger.info({ order: { contact: values, ...values }, headers: { 'Idempotency-Key': 'k-123' } }, 'x');
    for (const value of [...Object.values(values), 'k-123']) expect(lines.join()).not.toContain(value);
  });

  it('hides passwords in URLs and keeps what is needed to find an order', () => {
    const { logger, lines } = recorded();
    const url = 'postgres://shop:hunter2@127.0.0.1:5432/orders';
    const ids = {
      orderId: 'order-1001',
      sagaUid: '0b0c3a0e-5f0a-4a57-9b63-1f9b6a1f2f11',
      paymentId: 'pi_123',
    };
    logger.info({ url, amountCents: 4_999, ...ids }, 'x');
    expect(lines[0]).not.toContain('hunter2');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ amountCents: 4_999, ...ids });
  });
});
