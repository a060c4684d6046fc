/** Notification service: tells customers what became of their orders. */
import { readNotificationConfig } from './config.ts';
import { startNotification } from './start-notification.ts';

await startNotification(readNotificationConfig());
