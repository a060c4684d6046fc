import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Router } from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { currentContext } from './correlation.ts';
import { RetryableError } from './errors.ts';
import { createHealth, type Health } from './health.ts';
import { createHttpApp } from './http-app.ts';
import { startHttpServer, type RunningServer } from './http-server.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { HttpProblem, parseBody } from './problem.ts';
import { deferred } from './testing/collector.ts';

interface Fixture {
  readonly server: RunningServer;
  readonly health: Health;
  readonly state: { well: boolean };
  readonly lines: () => Record<string, unknown>[];
}

const bodySchema = z.object({ quantity: z.int().min(1) });

function routes(slow: Promise<void>): (router: Router) => void {
  return (router) => {
    router.post('/api/v1/things', (incoming, response) => {
      response.status(201).json({ ...parseBody(bodySchema, incoming.body), ...currentContext() });
    });
    router.get('/api/v1/things/:id', (incoming, response) => {
      if (incoming.params.id === 'none') throw new HttpProblem({ status: 404, detail: 'No such thing.' });
      response.json({ id: incoming.params.id });
    });
    router.get('/broken', async () => Promise.reject(new Error('password=hunter2')));
    router.get('/busy', async () =>
      Promise.reject(new RetryableError('hunter2', { retryAfterMillis: 4_000 })),
    );
    router.get('/half', (_incoming, response) => {
      response.write('half an answer');
      throw new Error('hunter2');
    });
    router.get('/stream', async (_incoming, response) => {
      response.write('begun, ');
      await slow;
      response.end('ended');
    });
    router.get('/slow', async (_incoming, response) => {
      await slow;
      response.json({ slow: true });
    });
  };
}

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function fixture(slow: Promise<void> = Promise.resolve()): Promise<Fixture> {
  const text: string[] = [];
  const state = { well: true };
  const logger = createLogger({ name: 'test', destination: { write: (line) => text.push(line) } });
  const check = async (): Promise<void> => (state.well ? undefined : Promise.reject(new Error('down')));
  const health = createHealth({ version: '1.0.0', checks: [{ name: 'broker', check }] });
  const metrics = createMetrics('test');
  const app = createHttpApp({ logger, health, metrics, routes: routes(slow) });
  const server = await startHttpServer({ app, host: '127.0.0.1', port: 0, health });
  health.setStarted();
  cleanUps.push(async () => {
    await server.stop(100);
    health.close();
  });
  return { server, health, state, lines: () => text.map((line) => JSON.parse(line)) };
}

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
}

async function problem(response: Response): Promise<Record<string, unknown>> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body: unknown = await response.json();
  expect(body).toMatchObject({
    status: response.status,
    title: expect.any(String),
    correlationId: expect.any(String),
  });
  return z.record(z.string(), z.unknown()).parse(body);
}

describe('requests', () => {
  it('are answered, with the caller’s correlation id, in the caller’s trace', async () => {
    const { server } = await fixture();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const response = await post(`${server.url}/api/v1/things`, '{"quantity":2}', {
      'x-correlation-id': 'c-1',
      traceparent,
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('x-correlation-id')).toBe('c-1');
    expect(await response.json()).toMatchObject({
      quantity: 2,
      correlationId: 'c-1',
      traceparent: expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/),
    });
  });

  it('get a correlation id where they bring none, and security headers', async () => {
    const { server } = await fixture();
    const { headers } = await fetch(`${server.url}/api/v1/things/1`);
    expect(headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('leave one line each, with the route’s pattern; probes leave none', async () => {
    const { server, lines } = await fixture();
    for (const path of ['/health', '/livez', '/readyz', '/metrics', '/api/v1/things/42?email=a@b.example']) {
      expect((await fetch(server.url + path)).status).toBe(200);
    }
    await expect.poll(lines).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      msg: 'request',
      method: 'GET',
      route: '/api/v1/things/:id',
      path: '/api/v1/things/42',
      status: 200,
      durationMillis: expect.any(Number),
      correlationId: expect.any(String),
    });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/http_request_duration_seconds_count\{.*route="\/api\/v1\/things\/:id"/);
    expect(metrics).not.toContain('things/42');
    expect(metrics).toContain('process_cpu_seconds_total');
  });
});

describe('what cannot be served is answered as a problem:', () => {
  const json = 'application/json';
  it.each([
    ['broken JSON', 400, '{"quantity":', json],
    ['JSON that is no object', 400, '"x"', json],
    ['no body', 400, '', json],
    ['a body that is too large', 413, `{"x":"${'x'.repeat(70_000)}"}`, json],
    ['another type', 415, 'quantity=1', 'application/x-www-form-urlencoded'],
    ['another charset', 415, '{"quantity":1}', 'application/json; charset=latin7'],
    ['a wrong field', 422, '{"quantity":0.5}', json],
    ['an array', 422, '[]', json],
  ])('%s', async (_what, status, body, type) => {
    const { server, lines } = await fixture();
    const response = await post(`${server.url}/api/v1/things`, body, { 'content-type': type });
    expect(response.status).toBe(status);
    await problem(response);
    await expect.poll(lines).toHaveLength(1);
  });

  it('a field, with a pointer to it', async () => {
    const { server } = await fixture();
    const body = await problem(await post(`${server.url}/api/v1/things`, '{"quantity":0}'));
    expect(body['errors']).toEqual([{ pointer: '/quantity', detail: expect.any(String) }]);
  });

  it('a body in an unknown encoding', async () => {
    const { server } = await fixture();
    const response = await post(`${server.url}/api/v1/things`, 'x', { 'content-encoding': 'lzma' });
    expect(response.status).toBe(415);
    await problem(response);
  });

  it('an unknown path, a path that is not decodable, and what a handler says', async () => {
    const { server } = await fixture();
    expect((await problem(await fetch(`${server.url}/nowhere`)))['status']).toBe(404);
    expect((await problem(await fetch(`${server.url}/api/v1/things/%E0%A4%A`)))['status']).toBe(400);
    expect((await problem(await fetch(`${server.url}/api/v1/things/none`)))['detail']).toBe('No such thing.');
  });

  it('a NUL character in path or query, which no database takes', async () => {
    const { server } = await fixture();
    for (const path of ['/api/v1/things/a%00b', '/api/v1/things/1?after=%00']) {
      expect((await problem(await fetch(server.url + path)))['status']).toBe(400);
    }
  });

  it('a method that the path does not have, with the methods it has', async () => {
    const { server } = await fixture();
    const response = await fetch(`${server.url}/api/v1/things/1`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    await problem(response);
  });

  it.each([
    ['/broken', 500, null],
    ['/busy', 503, '4'],
  ])(
    'a failure at %s, without the text of the error, which is in the log',
    async (path, status, retryAfter) => {
      const { server, lines } = await fixture();
      const response = await fetch(server.url + path, { headers: { 'x-correlation-id': 'c-9' } });
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after')).toBe(retryAfter);
      expect(JSON.stringify(await problem(response))).not.toContain('hunter2');
      expect(lines()).toContainEqual(
        expect.objectContaining({
          level: 'error',
          correlationId: 'c-9',
          err: expect.objectContaining({ message: expect.stringContaining('hunter2') }),
        }),
      );
    },
  );

  it('half an answer is cut off, so nobody takes it for a whole one', async () => {
    const { server } = await fixture();
    const half = fetch(`${server.url}/half`).then(async (response) => response.text());
    await expect(half).rejects.toBeInstanceOf(Error);
  });
});

describe('probes', () => {
  it('tell what is wrong: health by 503, liveness not at all', async () => {
    const { server, state } = await fixture();
    state.well = false;
    const response = await fetch(`${server.url}/health`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: 'degraded',
      checks: { broker: { status: 'degraded' } },
      version: '1.0.0',
      uptime: expect.any(Number),
    });
    for (const path of ['/livez', '/healthz', '/readyz']) {
      expect((await fetch(server.url + path)).status).toBe(200);
    }
  });

  it('readiness is refused while draining, and requests still served', async () => {
    const { server, health } = await fixture();
    health.setDraining();
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    const served = await fetch(`${server.url}/api/v1/things/1`);
    expect(served.status).toBe(200);
    expect(served.headers.get('connection')).toBe('close');
  });
});

describe('stopping the server', () => {
  it('finishes the running request at once on a keep-alive connection, and takes no new ones', async () => {
    const slow = deferred();
    const { server, health } = await fixture(slow.promise);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request(`${server.url}/slow`, { agent }, (response) => {
        response.resume().once('end', () => resolve(response));
      })
        .once('error', reject)
        .end();
    });
    const arrived = async (): Promise<number> =>
      new Promise((resolve) => process.nextTick(() => resolve(Object.keys(agent.sockets).length)));
    await expect.poll(arrived).toBe(1);
    // Answered after /slow was accepted: the server works in order of arrival.
    await fetch(`${server.url}/api/v1/things/1`);
    health.setDraining();
    const beganMillis = performance.now();
    const stopped = server.stop(10_000);
    slow.resolve();
    expect(await answered).toMatchObject({ statusCode: 200, headers: { connection: 'close' } });
    await stopped;
    expect(performance.now() - beganMillis).toBeLessThan(3_000);
    await expect(fetch(server.url)).rejects.toBeInstanceOf(Error);
    agent.destroy();
  });

  it('closes a connection whose running answer had promised to keep it', async () => {
    const slow = deferred();
    const { server } = await fixture(slow.promise);
    const response = await fetch(`${server.url}/stream`);
    const beganMillis = performance.now();
    const stopped = server.stop(10_000);
    slow.resolve();
    expect(await response.text()).toBe('begun, ended');
    await stopped;
    expect(performance.now() - beganMillis).toBeLessThan(3_000);
  });

  it('answers 503 with Retry-After to a request that comes on an open connection', async () => {
    const slow = deferred();
    const { server } = await fixture(slow.promise);
    const socket = connect(server.port, '127.0.0.1');
    let received = '';
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => received).toContain('begun');
    const stopped = server.stop(10_000);
    // Pipelined behind the running one, whose headers promised to keep the connection.
    socket.write('GET /api/v1/things/2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setImmediate(resolve));
    slow.resolve();
    await ended;
    await stopped;
    expect(received).toContain('ended');
    expect(received).toMatch(/HTTP\/1\.1 503 [\s\S]*retry-after: 1/);
    expect(received).not.toContain('"id":"2"');
  });

  it('cuts what does not end in time', async () => {
    const { server } = await fixture(new Promise(() => undefined));
    const outcome = fetch(`${server.url}/slow`).then(
      () => 'answered',
      () => 'cut',
    );
    await fetch(`${server.url}/api/v1/things/1`);
    const beganMillis = performance.now();
    await server.stop(100);
    expect(await outcome).toBe('cut');
    expect(performance.now() - beganMillis).toBeLessThan(2_000);
  });
});
