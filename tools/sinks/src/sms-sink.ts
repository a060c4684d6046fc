import { z } from 'zod';
import { openJsonLines } from './json-lines.ts';
import { listenHttp } from './listen.ts';

/** An SMS gateway that sends nothing: it takes `POST /messages {to, text}` and shows what it took at `GET /messages`. */

const smsSchema = z.object({
  to: z.string().min(1),
  text: z.string().min(1),
  /** From the header `Idempotency-Key`; a second message with the same key is answered, but not kept. */
  idempotencyKey: z.string().nullable(),
  atMillis: z.int(),
});
export type SinkSms = z.infer<typeof smsSchema>;
const bodySchema = smsSchema.pick({ to: true, text: true });

export interface SmsSink {
  readonly webhookUrl: string;
  readonly httpUrl: string;
  readonly messages: readonly SinkSms[];
  close(): Promise<void>;
}

export interface SmsSinkConfig {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** JSON lines; absent: memory alone. */
  readonly file?: string | undefined;
}

export async function startSmsSink(config: SmsSinkConfig): Promise<SmsSink> {
  const messages = openJsonLines(smsSchema, config.file);
  const http = await listenHttp(config.host, config.port, (request, body) => {
    if (request.url === '/healthz') return { status: 200, body: { status: 'ok' } };
    if (request.url !== '/messages') return { status: 404, body: { error: 'GET or POST /messages' } };
    if (request.method === 'GET') return { status: 200, body: messages.all };
    const parsed = bodySchema.safeParse(parseJson(body));
    if (!parsed.success) return { status: 422, body: { error: 'expected {to, text}' } };
    const header = request.headers['idempotency-key'];
    const idempotencyKey = typeof header === 'string' ? header : null;
    const known = messages.all.some(
      (sms) => idempotencyKey !== null && sms.idempotencyKey === idempotencyKey,
    );
    if (!known) messages.add({ ...parsed.data, idempotencyKey, atMillis: Date.now() });
    return { status: 202, body: { accepted: true, duplicate: known } };
  });
  return {
    webhookUrl: `${http.url}/messages`,
    httpUrl: http.url,
    messages: messages.all,
    close: () => http.close(),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
