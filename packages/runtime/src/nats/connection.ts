import { readFileSync } from 'node:fs';
import {
  connect,
  createInbox,
  credsAuthenticator,
  Events,
  type ConnectionOptions,
  type NatsConnection,
} from 'nats';
import { inboxPrefixOf } from '@sagamesh/contracts/subjects';
import { ensureError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { pause, withTimeout } from '../timing.ts';
import { isTold } from './try-again.ts';

/** One connection that is made for ever: the first time by our own loop, afterwards by the client. */

export interface LinkOptions {
  readonly url: string;
  readonly name: string;
  readonly credsFile?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly logger: Logger;
}

export interface NatsLink {
  /** The connection, once there has been one; rejects after `close`. */
  connected(): Promise<NatsConnection>;
  /** Connected at this moment, as far as the client knows. */
  isUp(): boolean;
  /** A subject of our own that nobody else listens on. */
  newInbox(): string;
  /** Largest message the server takes, headers included; undefined before the first connection. */
  maxPayloadBytes(): number | undefined;
  /** Calls back whenever the connection was lost and is there again; answers how to stop that. */
  onReconnect(listener: () => void): () => void;
  /** Resolves when the connection is gone for good; undefined when `close` was called. */
  readonly closed: Promise<Error | undefined>;
  close(): Promise<void>;
}

/** Time between two tries. The server's restart is noticed within that (measured: publishing resumes 1.0 s after it is back). */
const retryMillis = 250;

/** The client's own ping: 2 x 5 s without an answer is a dead connection (default: 2 x 2 min). */
const pingMillis = 5_000;

/** A refused subject is told at most this often: whoever is refused asks again and again. */
const refusalMillis = 10_000;

/** The most that closing waits for the server. */
const drainMillis = 2_000;

function connectionOptions(options: LinkOptions): ConnectionOptions {
  return {
    servers: options.url.split(',').map((one) => one.trim()),
    name: options.name,
    // Own inboxes, so that permissions can keep others from reading our answers.
    inboxPrefix: inboxPrefixOf(options.name),
    timeout: 2_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: retryMillis,
    // Credentials may be rotated while we run: keep trying.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    pingInterval: pingMillis,
    maxPingOut: 2,
    ...(options.credsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(readFileSync(options.credsFile)) }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.password === undefined ? {} : { pass: options.password }),
  };
}

async function connectForEver(options: LinkOptions, stop: AbortSignal): Promise<NatsConnection> {
  for (let attempt = 1; ; attempt += 1) {
    if (stop.aborted) throw new Error('The NATS connection was closed');
    try {
      return await connect(connectionOptions(options));
    } catch (error) {
      if (isTold(attempt)) {
        options.logger.warn({ err: ensureError(error), attempt }, 'NATS is not reachable; trying again');
      }
    }
    await pause(retryMillis, stop);
  }
}

class Link implements NatsLink {
  readonly closed: Promise<Error | undefined>;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #inboxPrefix: string;
  readonly #first: Promise<NatsConnection>;
  /** When a refusal was last told, by operation and subject. */
  readonly #refusals = new Map<string, number>();
  #connection: NatsConnection | undefined;
  #up = false;

  constructor(options: LinkOptions) {
    this.#logger = options.logger;
    this.#inboxPrefix = inboxPrefixOf(options.name);
    this.#first = connectForEver(options, this.#stop.signal).then((connection) => {
      this.#connection = connection;
      this.#up = true;
      return connection;
    });
    this.closed = this.#live();
  }

  async connected(): Promise<NatsConnection> {
    return this.#first;
  }

  isUp(): boolean {
    return this.#up;
  }

  newInbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  maxPayloadBytes(): number | undefined {
    return this.#connection?.info?.max_payload;
  }

  onReconnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const connection = await this.#first.catch(() => undefined);
    if (connection === undefined || connection.isClosed()) return;
    // Drain sends what is still here. It waits for a server that may be gone or stand still; then there is nothing to be had.
    const drained = this.#up ? connection.drain() : Promise.resolve();
    await withTimeout(drained, drainMillis, 'The server does not answer').catch(() => undefined);
    await connection.close();
  }

  async #live(): Promise<Error | undefined> {
    const connection = await this.#first.catch(() => undefined);
    if (connection === undefined) return undefined;
    this.#logger.info({ server: connection.getServer() }, 'connected to NATS');
    void this.#watch(connection);
    const reason = await connection.closed();
    this.#up = false;
    if (this.#stop.signal.aborted) return undefined;
    return reason ?? new Error('The NATS connection closed by itself');
  }

  /** The only reader of `status()`: each iterator that nobody reads keeps every event. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Disconnect) {
        this.#up = false;
        this.#logger.warn('lost the connection to NATS');
      } else if (status.type === Events.Reconnect) {
        this.#up = true;
        this.#logger.info({ server: connection.getServer() }, 'connected to NATS again');
        for (const listener of this.#listeners) listener();
      } else if (status.type === Events.Error) {
        if (status.permissionContext === undefined) {
          this.#logger.error({ data: status.data }, 'NATS reports an error');
        } else {
          this.#refused(status.permissionContext);
        }
      }
    }
  }

  #refused({ operation, subject }: { readonly operation: string; readonly subject: string }): void {
    // A fresh inbox at each try must not look like a fresh problem, nor fill the memory.
    const place = subject.startsWith(this.#inboxPrefix) ? this.#inboxPrefix : subject;
    const key = `${operation} ${place}`;
    const nowMillis = performance.now();
    if (nowMillis - (this.#refusals.get(key) ?? Number.NEGATIVE_INFINITY) < refusalMillis) return;
    this.#refusals.set(key, nowMillis);
    this.#logger.error({ operation, subject }, 'NATS refuses this process a subject; see its permissions');
  }
}

export function openLink(options: LinkOptions): NatsLink {
  return new Link(options);
}
