import { randomUUID, X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { z } from 'zod';

/** One order the way a customer places it: registers, signs in, orders through the gateway, and the saga of it ends Completed. */

/** Where kind-config.yaml puts the gateway's NodePorts. */
export const gatewayUrl = 'http://127.0.0.1:30080';
export const gatewayHttpsUrl = 'https://127.0.0.1:30443';

export interface SmokeOptions {
  readonly kubectl: Kubectl;
  /** `http://127.0.0.1:30080` */
  readonly gatewayUrl: string;
  /** `https://127.0.0.1:30443`, with the certificate of the Secret `gateway-tls`. */
  readonly gatewayHttpsUrl: string;
  readonly timeoutSeconds: number;
}

export interface SmokeResult {
  readonly orderId: string;
  /** Of the customer. */
  readonly email: string;
  readonly correlationId: string | null;
  readonly seconds: number;
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: number;
}

export interface Customer {
  readonly email: string;
  readonly token: string;
}

/** Registers somebody new and signs in. */
export async function newCustomer(gateway: string, endMillis: number): Promise<Customer> {
  const id = randomUUID();
  const credentials = { email: `smoke-${id}@example.org`, password: `smoke-${id}` };
  await untilAnswered(
    gateway,
    {
      method: 'POST',
      path: '/api/v1/users',
      body: { name: 'Smoke Order', ...credentials },
      headers: { 'idempotency-key': `"user-${id}"` },
      expected: 201,
    },
    endMillis,
  );
  const signIn = { method: 'POST', path: '/api/v1/users/token', body: credentials, expected: 200 } as const;
  const { body } = await untilAnswered(gateway, signIn, endMillis);
  return { email: credentials.email, token: z.object({ token: z.string() }).parse(body).token };
}

export async function placeSmokeOrder(options: SmokeOptions): Promise<SmokeResult> {
  const { kubectl, timeoutSeconds } = options;
  const endMillis = performance.now() + timeoutSeconds * 1_000;
  const { email, token } = await newCustomer(options.gatewayUrl, endMillis);
  const startedMillis = performance.now();
  const placed = await untilAnswered(
    options.gatewayUrl,
    {
      method: 'POST',
      path: '/api/v1/orders',
      body: {
        items: [{ sku: 'HEADSET', quantity: 1 }],
        paymentMethod: 'pm_card_visa',
        contact: { email },
      },
      headers: { 'idempotency-key': `"order-${randomUUID()}"`, authorization: `Bearer ${token}` },
      expected: 201,
    },
    endMillis,
  );
  const order = z.object({ id: z.string() }).parse(placed.body);
  const outcome = await untilEnded(kubectl, order.id, endMillis);
  if (outcome !== 'Completed') throw new SetupError(`the saga of order ${order.id} ended ${outcome}`);
  const seconds = (performance.now() - startedMillis) / 1_000;
  await seeHttps(options, endMillis);
  return { orderId: order.id, email, correlationId: placed.correlationId, seconds };
}

interface Answer {
  readonly body: unknown;
  readonly correlationId: string | null;
}

/**
 * The gateway hears of routes, endpoints and keys a moment after the pods are ready, so refusals of the mesh are asked again. Each POST
 * carries an idempotency key, or changes nothing.
 */
async function untilAnswered(gatewayUrl: string, call: Call, endMillis: number): Promise<Answer> {
  let last = 'nothing was tried';
  while (performance.now() < endMillis) {
    try {
      const response = await fetch(`${gatewayUrl}${call.path}`, {
        method: call.method,
        headers: { 'content-type': 'application/json', ...call.headers },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: AbortSignal.timeout(15_000),
      });
      const text = await response.text();
      if (response.status === call.expected) {
        return { body: JSON.parse(text), correlationId: response.headers.get('x-correlation-id') };
      }
      last = `${response.status} ${text.slice(0, 300)}`;
    } catch (error) {
      last = error instanceof Error ? whole(error) : String(error);
    }
    await delay(1_000);
  }
  throw new SetupError(
    `${call.method} ${gatewayUrl}${call.path} never answered ${call.expected}; last: ${last}`,
  );
}

/** The public keys over https, with the certificate of the Secret: it is the site's own business which names stand in it. */
async function seeHttps({ kubectl, gatewayHttpsUrl }: SmokeOptions, endMillis: number): Promise<void> {
  const certificate = ['get', 'secret', '-n', 'sagamesh-gateway', 'gateway-tls', '-o'];
  const encoded = await mustRun(kubectl, [...certificate, String.raw`jsonpath={.data.tls\.crt}`]);
  const { fingerprint256 } = new X509Certificate(Buffer.from(encoded, 'base64'));
  const url = `${gatewayHttpsUrl}/.well-known/jwks.json`;
  const wanted = `200 with the certificate ${fingerprint256}`;
  let last = '';
  while (performance.now() < endMillis) {
    last = await askHttps(url);
    if (last === wanted) return;
    await delay(1_000);
  }
  throw new SetupError(`GET ${url} never answered ${wanted}; last: ${last}`);
}

function askHttps(url: string): Promise<string> {
  return new Promise<string>((resolve) => {
    const options = { rejectUnauthorized: false, agent: false, timeout: 5_000 };
    const call = get(url, options, (response) => {
      response.resume();
      const { socket } = response;
      const shown = socket instanceof TLSSocket ? socket.getPeerCertificate().fingerprint256 : 'none';
      resolve(`${response.statusCode} with the certificate ${shown}`);
    });
    call.once('timeout', () => call.destroy(new Error('no answer in 5 s')));
    call.once('error', (error) => resolve(error.message));
  });
}

async function untilEnded(kubectl: Kubectl, name: string, endMillis: number): Promise<string> {
  const read = ['get', 'ordersaga', '-n', 'shop', name, '-o', 'jsonpath={.status.outcome}'];
  let last = '';
  while (performance.now() < endMillis) {
    const { code, stdout, stderr } = await kubectl(read);
    if (code === 0 && stdout !== '') return stdout;
    last = code === 0 ? 'it is still open' : stderr.trim();
    await delay(500);
  }
  throw new SetupError(`the saga of order ${name} did not end in time: ${last}`);
}

/** `fetch` says why in the cause only. */
function whole(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
