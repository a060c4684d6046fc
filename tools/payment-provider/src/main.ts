/** The bundled payment provider as a process: settings from the environment, one line on stdout when it listens. */
import { startPaymentProvider } from './start-payment-provider.ts';

function millis(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  if (/^[0-9]+$/.test(text)) return Number(text);
  console.error(`${name}: "${text}" is not a number of milliseconds`);
  process.exit(2);
}

const provider = await startPaymentProvider({
  host: process.env['HOST'] ?? '127.0.0.1',
  port: millis('PORT', 12111),
  file: process.env['PAYMENT_PROVIDER_FILE'] ?? '.data/payment-provider.jsonl',
  key: process.env['PAYMENT_PROVIDER_KEY'] ?? 'sk_test_sagamesh',
  slowMillis: millis('SLOW_MILLIS', 3_000),
  silenceMillis: millis('SILENCE_MILLIS', 10_000),
});
console.log(JSON.stringify({ msg: 'payment provider listens', url: provider.url }));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void provider.close().then(() => process.exit(0));
  });
}
