/** Free loopback ports. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port on 127.0.0.1 that nobody listens on, below the range from which Linux and macOS take the ports of outgoing
 * connections: so it is still free when a server that was stopped comes back to it.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = randomInt(20_000, 32_000);
    if (await isFreePort(port)) return port;
  }
  throw new Error('found no free port on 127.0.0.1 between 20000 and 32000');
}

export async function isFreePort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
