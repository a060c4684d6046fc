import { readLedger } from '@sagamesh/payment-provider/ledger-read-out';
import type { System } from '@sagamesh/sandbox/system/system';
import { z } from 'zod';
import type { Content } from './stores.ts';
import { contentOf } from './stores.ts';

/** What reached the world outside of the services: money at the provider, mails and SMS at the customers. */

const mailsSchema = z.array(z.object({ to: z.array(z.string()), messageId: z.string() }));
const smsSchema = z.array(z.object({ to: z.string(), idempotencyKey: z.string().nullish() }));

async function readJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

/** Message ids of the mails to an address, each once: what comes twice under one id is one mail to its reader. */
export async function mailsTo(system: System, email: string): Promise<readonly string[]> {
  const mails = mailsSchema.parse(await readJson(`${system.url('smtp-sink')}/mails`));
  return [...new Set(mails.filter(({ to }) => to.includes(email)).map(({ messageId }) => messageId))];
}

/** By who answers for it. */
export async function outsideContents(system: System): Promise<ReadonlyMap<string, Content>> {
  const { intents, captures, refunds } = await readLedger(system.url('payment-provider'));
  const mails = mailsSchema.parse(await readJson(`${system.url('smtp-sink')}/mails`));
  const sms = smsSchema.parse(await readJson(`${system.url('sms-sink')}/messages`));
  const rows = (items: readonly unknown[]) => items.map((item) => JSON.stringify(item));
  return new Map([
    ['payment: intents at the provider', contentOf(rows(intents))],
    ['payment: captures at the provider', contentOf(rows(captures))],
    ['payment: refunds at the provider', contentOf(rows(refunds))],
    ['notification: mails', contentOf([...new Set(mails.map(({ messageId }) => messageId))])],
    ['notification: SMS', contentOf(rows(sms))],
  ]);
}
