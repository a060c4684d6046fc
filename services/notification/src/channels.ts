import type { Mail, Sms } from './compose.ts';

/** The ways out of the house. Throw RetryableError when it may work later, TerminalError when it never will. */

export interface MailChannel {
  send(mail: Mail): Promise<void>;
  close(): void;
}

export interface SmsChannel {
  send(sms: Sms): Promise<void>;
}
