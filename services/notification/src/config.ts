import { readServiceConfig } from '@sagamesh/kit/service-config';
import { urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';

export function readNotificationConfig(env: NodeJS.ProcessEnv = process.env) {
  return readServiceConfig(
    {
      SMTP_URL: urlVariable('smtp', 'smtps'),
      MAIL_FROM: z.string('expected the sender of our mails').min(3),
      /** Unset: customers get no SMS. */
      SMS_WEBHOOK_URL: urlVariable('http', 'https').optional(),
    },
    { database: false, env },
  );
}
export type NotificationConfig = ReturnType<typeof readNotificationConfig>;
