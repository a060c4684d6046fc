import { SMTPServer } from 'smtp-server';
import { z } from 'zod';
import { openJsonLines } from './json-lines.ts';
import { listenHttp } from './listen.ts';
import { readMail } from './read-mail.ts';

/** A mail server that delivers to nobody: every mail can be read at `GET /mails`. */

const mailSchema = z.object({
  from: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  messageId: z.string(),
  text: z.string(),
  atMillis: z.int(),
});
export type SinkMail = z.infer<typeof mailSchema>;

export interface SmtpSinkConfig {
  readonly host: string;
  /** 0 = any free port. */
  readonly smtpPort: number;
  readonly httpPort: number;
  /** JSON lines; absent: memory alone. */
  readonly file?: string | undefined;
}

export interface SmtpSink {
  readonly smtpUrl: string;
  readonly httpUrl: string;
  readonly mails: readonly SinkMail[];
  close(): Promise<void>;
}

const mailBytesMax = 262_144;

export async function startSmtpSink(config: SmtpSinkConfig): Promise<SmtpSink> {
  const mails = openJsonLines(mailSchema, config.file);
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    // Clients keep idle connections; an end must not wait for them.
    closeTimeout: 200,
    size: mailBytesMax,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const mail = readMail(Buffer.concat(chunks).toString('utf8'));
        const to = session.envelope.rcptTo.map((recipient) => recipient.address);
        mails.add({ ...mail, to, atMillis: Date.now() });
        done();
      });
    },
  });
  // A client that goes away in the middle is its own affair.
  smtp.on('error', (error: Error) => console.error('smtp sink:', error.message));
  const smtpPort = await new Promise<number>((resolve, reject) => {
    smtp.once('error', reject);
    const server = smtp.listen(config.smtpPort, config.host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : config.smtpPort);
    });
  });
  const http = await listenHttp(config.host, config.httpPort, (request) => {
    if (request.url === '/healthz') return { status: 200, body: { status: 'ok' } };
    if (request.method === 'GET' && request.url === '/mails') return { status: 200, body: mails.all };
    return { status: 404, body: { error: 'GET /mails' } };
  });
  return {
    smtpUrl: `smtp://${config.host}:${smtpPort}`,
    httpUrl: http.url,
    mails: mails.all,
    close: async () => {
      await http.close();
      await new Promise<void>((resolve) => smtp.close(() => resolve()));
    },
  };
}
