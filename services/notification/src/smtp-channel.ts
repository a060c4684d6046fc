import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { createTransport } from 'nodemailer';
import type { MailChannel } from './channels.ts';

export interface SmtpChannelConfig {
  /** `smtp://user:password@host:587` or `smtps://...` */
  readonly url: string;
  /** Sender, e.g. `shop@example.org`. */
  readonly from: string;
}

const timeouts = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000 } as const;
const connectionsMax = 4;

/** Mail over SMTP on a few kept connections. */
export function createSmtpChannel({ url, from }: SmtpChannelConfig): MailChannel {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: connectionsMax,
    ...timeouts,
    // Texts come from events: nothing in them may make the mailer read a file or fetch a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async ({ to, subject, text, messageId }) => {
      try {
        // The address goes as an object: as a string it would be parsed, and "a@x,b@y" would be two recipients.
        await transport.sendMail({ from, to: { name: '', address: to }, subject, text, messageId });
      } catch (error) {
        throw toActionable(error);
      }
    },
    close: () => transport.close(),
  };
}

/** 5yz is the server's final no (RFC 5321, 4.2.1); everything else, silence included, may be different later. */
function toActionable(error: unknown): Error {
  const code =
    typeof error === 'object' && error !== null && 'responseCode' in error ? error.responseCode : 0;
  return typeof code === 'number' && code >= 500 && code < 600
    ? new TerminalError(`The mail server refused the mail (${code}).`, { cause: error })
    : new RetryableError('The mail server could not take the mail.', { cause: error });
}
