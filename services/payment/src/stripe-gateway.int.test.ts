import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLedger } from '@sagamesh/payment-provider/ledger-read-out';
import { startProviderProcess } from '@sagamesh/payment-provider/testing/provider-process';
import { createStripeGateway } from './stripe-gateway.ts';
import { describePaymentGateway } from './testing/payment-gateway.behaviour.ts';

const key = 'sk_test_gateway';

describePaymentGateway('over HTTP to the provider process', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'payment-gateway-'));
  const provider = await startProviderProcess(join(directory, 'ledger.jsonl'), {
    PAYMENT_PROVIDER_KEY: key,
    SILENCE_MILLIS: '3000',
    SLOW_MILLIS: '100',
  });
  return {
    connect: () => createStripeGateway({ url: provider.url, key, timeoutMillis: 1_000 }),
    readLedger: () => readLedger(provider.url),
    close: async () => {
      await provider.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
