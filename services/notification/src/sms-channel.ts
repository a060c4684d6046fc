import { contextHeaders } from '@sagamesh/runtime/trace-context';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import type { SmsChannel } from './channels.ts';

const timeoutMillis = 5_000;
/** Refusals that time may heal; every other 4xx will be the same next time (RFC 9110, 15.5). */
const passingRefusals: readonly number[] = [408, 409, 425, 429];

/** SMS through a webhook: `POST {to, text}` with an `Idempotency-Key`, so that the gateway can drop repeats. */
export function createSmsChannel(webhookUrl: string): SmsChannel {
  return {
    send: async ({ to, text, idempotencyKey }) => {
      const status = await post(webhookUrl, idempotencyKey, { to, text });
      if (status >= 200 && status < 300) return;
      const final = status >= 400 && status < 500 && !passingRefusals.includes(status);
      if (final) throw new TerminalError(`The SMS gateway refused the message (${status}).`);
      throw new RetryableError(`The SMS gateway could not take the message (${status}).`);
    },
  };
}

async function post(url: string, idempotencyKey: string, body: object): Promise<number> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...contextHeaders(),
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMillis),
    });
    // The body is of no interest, but the connection is free only when it was read.
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    throw new RetryableError('The SMS gateway did not answer.', { cause: error });
  }
}
