import type { IncomingMessage } from '@sagamesh/runtime/broker';
import type { SimProcess } from '../kernel/host.ts';
import type { BusConsumer } from './bus-consumer.ts';
import type { BusContext } from './bus-context.ts';
import type { BusRecord, Outgoing } from './bus-record.ts';
import type { BusStream } from './bus-stream.ts';

/** One client's connection to the simulated server. */

export type PublishOutcome = 'stored' | 'noStream' | 'silence';

/** Something of a client that ends with the connection and makes itself again. */
export interface Connected {
  connectionLost(): void;
}

/** What a client can ask the server for, at the server's side: no time passes here. */
export interface BusServer extends BusContext {
  accept(outgoing: Outgoing, publisher: string): PublishOutcome;
  stream(name: string): BusStream | undefined;
  /** Makes it when it is missing and this process may; else undefined: it waits. */
  streamFor(name: string, process: SimProcess): BusStream | undefined;
  noteConsumer(stream: string, consumer: string): void;
  acknowledge(
    ack: {
      readonly stream: string;
      readonly consumer: string;
      readonly process: string;
      readonly deliveryCount: number;
    } & { readonly record: BusRecord },
    act: (consumer: BusConsumer) => void,
  ): void;
  /** When the server takes connections again; in the past when it is up. */
  readonly upAtMillis: number;
  readonly connected: Set<Connected>;
}

/** As the client waits between two tries of one connection (nats/connection.ts). */
export const reconnectMillis = 250;
/** Between tries to reach a stream: doubled up to the second (nats/consume.ts). */
const retryMillis = { first: 50, max: 1_000 };

export class BusLink {
  readonly server: BusServer;
  readonly process: SimProcess;

  constructor(server: BusServer, process: SimProcess) {
    this.server = server;
    this.process = process;
  }

  async pause(millis: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.process.clock.schedule(millis, resolve);
    });
  }

  /** A question to the server that is no effect in itself. `away`: no answer. */
  request<T>(stream: string, apply: () => T): Promise<T | 'away'> {
    const { sim } = this.server;
    return new Promise((resolve, reject) => {
      sim.after(this.server.latencyMillis(), () => {
        // What was asked by a process that is no more would only make readers that nobody reads.
        if (!this.process.isAlive) return;
        let answer: () => void;
        try {
          const value = this.server.isAway(stream, this.process.name) ? 'away' : apply();
          answer = () => resolve(value);
        } catch (error) {
          answer = () => reject(error instanceof Error ? error : new Error(String(error), { cause: error }));
        }
        sim.after(this.server.latencyMillis(), () => this.process.deliver(answer));
      });
    });
  }

  /** Asks as long as it is wanted: no answer, or what was made is gone again when the answer comes. */
  async requestWhile(isWanted: () => boolean, stream: string, apply: () => void): Promise<void> {
    for (let delay = retryMillis.first; isWanted(); delay = Math.min(2 * delay, retryMillis.max)) {
      await this.request(stream, apply);
      if (!isWanted()) return;
      await this.pause(delay);
    }
  }
}

/** What a process remembers of the stream it reads, to go on from there when consumer or stream were lost. */
export interface Position {
  readonly incarnation: number;
  /** Everything up to here is dealt with. */
  readonly floor: number;
}

/** The rule of the real adapter (startOf in nats/ensure-consumer.ts, tailStart in nats/tail.ts). */
export function startAfterLoss(position: Position, stream: BusStream): number {
  if (position.incarnation !== stream.incarnation) return 1;
  return Math.min(position.floor, stream.lastSequence) + 1;
}

export function incomingOf(record: BusRecord, deliveryCount: number): IncomingMessage {
  return {
    subject: record.subject,
    body: record.bytes,
    headers: record.reader,
    deliveryCount,
    streamSequence: record.sequence,
  };
}
