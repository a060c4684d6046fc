import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Health } from './health.ts';
import { problemBody } from './http-problems.ts';

/** A listening HTTP server that ends without cutting anybody off, and in time. */

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, finishes what runs, then cuts what is left after the time. */
  stop(timeoutMillis: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly app: RequestListener;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly health: Health;
}

/** Time for the request line and headers, and for the whole request: against clients that send a byte a minute. */
const headersTimeoutMillis = 10_000;
const requestTimeoutMillis = 30_000;
/** Longer than proxies keep idle connections (usually 60 s), so that they and not we close them: else they meet a closed one. */
const keepAliveTimeoutMillis = 65_000;

async function listening(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Rejects when the address cannot be had. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningServer> {
  let stopping: Promise<void> | undefined;
  /** Answers that are not out yet. */
  const open = new Set<ServerResponse>();

  const server = createServer((request, response) => {
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      // One whose headers were out before the stop leaves its connection behind, idle.
      if (stopping !== undefined) setImmediate(() => server.closeIdleConnections());
    });
    // Measured: without this header `close` waits for the keep-alive time of every connection (6.7 s against 0.7 s).
    if (options.health.draining || stopping !== undefined) response.setHeader('connection', 'close');
    if (stopping === undefined) {
      options.app(request, response);
      return;
    }
    // A request on a connection that was open before: its caller has to come back, to another of us.
    const init = { status: 503, detail: 'This process is shutting down. Try again.' };
    response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' });
    response.end(JSON.stringify(problemBody(init, request.url?.split('?')[0] ?? '/')));
  });
  server.headersTimeout = headersTimeoutMillis;
  server.requestTimeout = requestTimeoutMillis;
  server.keepAliveTimeout = keepAliveTimeoutMillis;

  const port = await listening(server, options.host, options.port);
  const shownHost = options.host === '0.0.0.0' || options.host === '::' ? '127.0.0.1' : options.host;

  async function stopNow(timeoutMillis: number): Promise<void> {
    for (const response of open) if (!response.headersSent) response.setHeader('connection', 'close');
    const cut = setTimeout(() => server.closeAllConnections(), timeoutMillis);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
    clearTimeout(cut);
  }

  return {
    url: `http://${shownHost}:${port}`,
    port,
    async stop(timeoutMillis) {
      stopping ??= stopNow(timeoutMillis);
      return stopping;
    },
  };
}
