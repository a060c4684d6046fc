/**
 * The app of a pod in the suite: an upstream that does as it is told, and a client that sends with the pod's identity. As one file
 * without packages (`stand-in-script.ts`) it runs wherever there is Node.
 *
 *   STAND_IN_CONTROL    path of a Unix socket, or a port on 127.0.0.1, for orders from the test
 *   STAND_IN_HTTP_PORT  where it plays the upstream; none when unset
 *   STAND_IN_TCP_PORTS  `5432,4222`: ports that answer the first bytes they get with `heard` (a greeting for who waits for one)
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SeenRequest, StandInAnswer } from './mesh-site.ts';
import { exchangeTcp, flatHeaders, sendRequests } from './send-requests.ts';
import { answersSchema, exchangeSchema, requestsSchema } from './stand-in-orders.ts';

const probes = new Set(['/livez', '/readyz', '/health', '/healthz', '/metrics']);

let script: readonly StandInAnswer[] = [{ status: 200 }];
let seen: SeenRequest[] = [];
let held: (() => void)[] = [];

function releaseHeld(): void {
  const waiting = held;
  held = [];
  for (const go of waiting) go();
}

function play(request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '/';
  request.resume();
  if (probes.has(url.split('?')[0] ?? '')) {
    response.end('ok\n');
    return;
  }
  const entry: SeenRequest = { method: request.method ?? '', url, headers: flatHeaders(request.headers) };
  const answer = script[Math.min(seen.length, script.length - 1)] ?? { status: 200 };
  seen.push(entry);
  const reply = (status: number): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(entry));
  };
  if (answer === 'reset') request.socket.resetAndDestroy();
  else if (answer === 'hold') held.push(() => reply(200));
  else reply(answer.status);
}

/** Each order is a POST of JSON to the path of its name and is answered with JSON. */
const orders: Readonly<Record<string, (body: unknown) => unknown>> = {
  '/answer': (answers) => {
    releaseHeld();
    script = answersSchema.parse(answers);
    seen = [];
  },
  '/seen': () => seen,
  '/release': releaseHeld,
  '/send': (requests) => sendRequests(requestsSchema.parse(requests)),
  '/exchange': (tcp) => exchangeTcp(exchangeSchema.parse(tcp)),
};

async function obey(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const order = orders[request.url ?? ''];
  if (order === undefined) {
    response.writeHead(404).end();
    return;
  }
  const result = await order(JSON.parse(await text(request)));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result ?? null));
}

const control = process.env['STAND_IN_CONTROL'] ?? '';
const controlServer = createServer((request, response) => {
  obey(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
});
if (/^\d+$/.test(control)) controlServer.listen(Number(control), '127.0.0.1');
else controlServer.listen(control);

const httpPort = process.env['STAND_IN_HTTP_PORT'];
// Unlimited: a mesh that lets an idle connection go must be the one who decides it.
if (httpPort !== undefined) createServer({ keepAliveTimeout: 0 }, play).listen(Number(httpPort));

for (const port of (process.env['STAND_IN_TCP_PORTS'] ?? '').split(',').filter((port) => port !== '')) {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('heard'));
  });
  server.listen(Number(port));
}

process.once('SIGTERM', () => process.exit(0));
