import { adminClient } from '@sagamesh/contracts/broker-access';
import { headerNames, streamNames } from '@sagamesh/contracts/subjects';
import { keptPassword } from '@sagamesh/sandbox/nats-users';
import { readSandboxState } from '@sagamesh/sandbox/data-dir';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import type { NatsReader } from '@sagamesh/runtime/stored-messages';
import { sandboxFolder } from './sandbox-folder.ts';
import { table } from './terminal.ts';

/**
 * `make dead-letters`: what could not be read or acted upon. NATS_URL with NATS_USER and NATS_PASSWORD (those of `admin`), or the sandbox of
 * this folder.
 */

const nats = givenNats() ?? (await sandboxNats());
if (nats === undefined) {
  console.error('No sandbox has run here: make up first, or set NATS_URL to a NATS server.');
  process.exitCode = 2;
} else {
  try {
    const rows = await readRows(nats);
    console.log(table([['AT', 'SERVICE', 'REASON', 'SUBJECT', 'BYTES', 'MESSAGE'], ...rows]));
    console.log(`${rows.length} dead letters`);
  } catch (error) {
    console.error(`${nats.url} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    console.error('Is the server there? Reading takes NATS_USER and NATS_PASSWORD of admin.');
    process.exitCode = 2;
  }
}

async function readRows(reader: NatsReader): Promise<string[][]> {
  const messages = await readStoredMessages(reader, streamNames.deadLetters);
  return messages.map(({ subject, headers, body }) => [
    headers.get(headerNames.deadLetterAt) ?? '-',
    subject.replace(/^dlq\./, ''),
    headers.get(headerNames.deadLetterReason) ?? '-',
    headers.get(headerNames.deadLetterSubject) ?? '-',
    headers.get(headerNames.deadLetterOriginalBytes) ?? String(body.length),
    headers.get(headerNames.deadLetterMessage) ?? '-',
  ]);
}

function givenNats(): NatsReader | undefined {
  const { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password } = process.env;
  return url === undefined ? undefined : { url, user, password };
}

async function sandboxNats(): Promise<NatsReader | undefined> {
  const port = (await readSandboxState(sandboxFolder)).ports['nats'];
  if (port === undefined) return undefined;
  const password = keptPassword(sandboxFolder, adminClient);
  return { url: `nats://127.0.0.1:${port}`, user: adminClient, password };
}
