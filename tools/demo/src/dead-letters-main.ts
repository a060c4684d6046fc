import { headerNames, streamNames } from '@sagamesh/contracts/subjects';
import { readSandboxState } from '@sagamesh/sandbox/data-dir';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { sandboxFolder } from './sandbox-folder.ts';
import { table } from './terminal.ts';

/** `make dead-letters`: what could not be read or acted upon. NATS_URL, or the sandbox of this folder. */

const natsUrl = process.env['NATS_URL'] ?? (await sandboxNatsUrl());
if (natsUrl === undefined) {
  console.error('No sandbox has run here: make up first, or set NATS_URL to a NATS server.');
  process.exitCode = 2;
} else {
  const rows = await readRows(natsUrl);
  console.log(table([['AT', 'SERVICE', 'REASON', 'SUBJECT', 'BYTES', 'MESSAGE'], ...rows]));
  console.log(`${rows.length} dead letters`);
}

async function readRows(url: string): Promise<string[][]> {
  const messages = await readStoredMessages(url, streamNames.deadLetters);
  return messages.map(({ subject, headers, body }) => [
    headers.get(headerNames.deadLetterAt) ?? '-',
    subject.replace(/^dlq\./, ''),
    headers.get(headerNames.deadLetterReason) ?? '-',
    headers.get(headerNames.deadLetterSubject) ?? '-',
    headers.get(headerNames.deadLetterOriginalBytes) ?? String(body.length),
    headers.get(headerNames.deadLetterMessage) ?? '-',
  ]);
}

async function sandboxNatsUrl(): Promise<string | undefined> {
  const port = (await readSandboxState(sandboxFolder)).ports['nats'];
  return port === undefined ? undefined : `nats://127.0.0.1:${port}`;
}
