import type { Broker } from '@sagamesh/runtime/broker';
import { streamDefinitions, streamOfName, streamOfSubject } from '@sagamesh/runtime/streams';
import type { SimProcess } from '../kernel/host.ts';
import type { SeededRandom } from '../kernel/random.ts';
import type { Sim } from '../kernel/sim.ts';
import { connectClient } from './bus-client.ts';
import type { BusConsumer } from './bus-consumer.ts';
import { plantBusFaults } from './bus-faults.ts';
import type { BusServer, Connected, PublishOutcome } from './bus-link.ts';
import type { BusRecord, Outgoing } from './bus-record.ts';
import { BusSnapshots } from './bus-snapshots.ts';
import { BusStream } from './bus-stream.ts';

/**
 * The message broker of the simulation: the streams, durable consumers and tails of NATS JetStream as the product's adapter uses them
 * (packages/runtime/src/nats/), in virtual time, with every fault of `bus.*`. Held to the adapter's own behaviour suite.
 */

export interface ConsumerReadOut {
  readonly stream: string;
  readonly consumer: string;
  /** Stored, wanted, never delivered. */
  readonly pending: number;
  readonly unacknowledged: number;
  readonly redeliveries: number;
}

/** The latency of one way, in virtual milliseconds. */
const latencyMillis = { min: 0.2, spread: 3 };
/** How often whoever keeps the streams looks (nats/keep-streams.ts), and what the server is given to finish a removal (nats/ensure-stream.ts). */
const keepMillis = { look: 1_000, removal: 250 };
/** How long a start of the server takes. */
const restartMillis = { min: 300, spread: 2_700 };

export interface SimBusOptions {
  /** Who may make a stream that is missing; everybody else waits for it. By default everybody may. */
  readonly mayMakeStreams?: (process: SimProcess) => boolean;
}

export class SimBus implements BusServer {
  readonly sim: Sim;
  readonly random: SeededRandom;
  readonly connected = new Set<Connected>();
  readonly #streams = new Map<string, BusStream>();
  readonly #snapshots: BusSnapshots;
  readonly #histories = new Map<string, BusRecord[]>();
  readonly #incarnations = new Map<string, number>();
  readonly #knownConsumers = new Set<string>();
  readonly #mayMakeStreams: (process: SimProcess) => boolean;
  #upAtMillis = 0;

  constructor(sim: Sim, { mayMakeStreams = () => true }: SimBusOptions = {}) {
    this.#mayMakeStreams = mayMakeStreams;
    this.sim = sim;
    this.random = sim.fork('bus');
    this.#snapshots = new BusSnapshots(this, this.#streams);
    plantBusFaults({
      sim,
      random: this.random,
      isAway: (stream, process) => this.isAway(stream, process),
      latencyMillis: () => this.latencyMillis(),
      streams: this.#streams,
      snapshots: this.#snapshots,
      deleteStream: (name) => this.deleteStream(name),
      restart: () => this.restart(),
    });
  }

  /** The port, as this process has it; its connection ends with the process. */
  connect(process: SimProcess): Broker {
    return connectClient(this, process);
  }

  /** As the operator does from its start to its end (nats/keep-streams.ts): makes what is missing. */
  keepStreams(process: SimProcess): void {
    const missing = () => streamDefinitions.filter(({ name }) => !this.#streams.has(name));
    const makeMissing = () => {
      for (const { name } of missing()) if (!this.isAway(name, process.name)) this.ensureStream(name);
    };
    const look = () => {
      if (missing().length > 0) process.clock.schedule(keepMillis.removal, makeMissing);
      process.clock.schedule(keepMillis.look, look);
    };
    makeMissing();
    process.clock.schedule(keepMillis.look, look);
  }

  /** The world's own message: stored at once, whatever state the server is in. Readers get it like any other. */
  inject(subject: string, bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): void {
    const definition = streamOfSubject(subject);
    if (definition === undefined) throw new RangeError(`no stream is defined for the subject ${subject}`);
    const stream = this.ensureStream(definition.name);
    this.#store(stream, { subject, bytes, body: undefined, messageId: undefined, headers }, 'world');
  }

  /** As an administrator does. False: there was none. */
  deleteStream(name: string): boolean {
    const stream = this.#streams.get(name);
    if (stream === undefined) return false;
    this.#streams.delete(name);
    stream.end('deleted');
    this.sim.trace.add(this.sim.nowMillis, 'bus', `deletes ${name}`);
    return true;
  }

  /** Away for a moment, on the same store. */
  restart(): void {
    const nowMillis = this.sim.nowMillis;
    this.#upAtMillis = nowMillis + restartMillis.min + this.random.next() * restartMillis.spread;
    this.sim.trace.add(nowMillis, 'bus', 'restarts');
    for (const stream of this.#streams.values()) stream.rebuildIds();
    for (const one of this.connected) one.connectionLost();
  }

  // Read-outs.

  /** Everything that a stream ever stored, in the order in which it came; what became of it is in `fate`. */
  history(stream: string): readonly BusRecord[] {
    return this.#histories.get(stream) ?? [];
  }

  /** The durable consumers that exist. */
  get consumers(): readonly ConsumerReadOut[] {
    return [...this.#streams.values()].flatMap((stream) =>
      [...stream.consumers.values()].map((consumer) => ({
        stream: stream.name,
        consumer: consumer.name,
        pending: consumer.pending,
        unacknowledged: consumer.unacknowledged,
        redeliveries: consumer.redeliveries,
      })),
    );
  }

  /** Deliveries after the first, of all consumers that ever were. */
  get redeliveries(): number {
    return this.sim.counts.get('bus: redelivered') ?? 0;
  }

  // The server's side, for its clients.

  get upAtMillis(): number {
    return this.#upAtMillis;
  }

  latencyMillis(): number {
    return latencyMillis.min + this.random.next() * latencyMillis.spread;
  }

  isAway(stream: string, process: string): boolean {
    return this.sim.nowMillis < this.#upAtMillis || this.sim.faults.bites('bus.away', stream, process);
  }

  stream(name: string): BusStream | undefined {
    return this.#streams.get(name);
  }

  streamFor(name: string, process: SimProcess): BusStream | undefined {
    return this.#mayMakeStreams(process) ? this.ensureStream(name) : this.#streams.get(name);
  }

  ensureStream(name: string): BusStream {
    const existing = this.#streams.get(name);
    if (existing !== undefined) return existing;
    const definition = streamOfName(name);
    if (definition === undefined) throw new Error(`No stream named ${name} is defined`);
    const incarnation = (this.#incarnations.get(name) ?? 0) + 1;
    if (incarnation > 1) this.sim.count('bus: recreated stream');
    this.#incarnations.set(name, incarnation);
    const stream = new BusStream(this, definition, incarnation);
    this.#streams.set(name, stream);
    this.sim.trace.add(this.sim.nowMillis, 'bus', `makes ${name} (${incarnation})`);
    return stream;
  }

  noteConsumer(stream: string, consumer: string): void {
    const key = `${stream}/${consumer}`;
    if (this.#knownConsumers.has(key)) this.sim.count('bus: recreated consumer');
    this.#knownConsumers.add(key);
    this.sim.trace.add(this.sim.nowMillis, 'bus', `makes ${key}`);
  }

  accept(outgoing: Outgoing, publisher: string): PublishOutcome {
    const definition = streamOfSubject(outgoing.subject);
    if (definition === undefined) return 'noStream';
    const { faults } = this.sim;
    const { name } = definition;
    if (this.isAway(name, publisher) || faults.bites('bus.publishLost', name, publisher)) return 'silence';
    const stream = this.#streams.get(name);
    if (stream === undefined) return 'noStream';
    if (stream.repeatOf(outgoing.messageId) === undefined) this.#store(stream, outgoing, publisher);
    else this.sim.count('bus: deduplicated');
    return faults.bites('bus.ackLost', name, publisher) ? 'silence' : 'stored';
  }

  acknowledge(ack: Parameters<BusServer['acknowledge']>[0], act: (consumer: BusConsumer) => void): void {
    const { stream, consumer, process, record } = ack;
    if (this.isAway(stream, process)) return;
    if (this.sim.faults.bites('bus.consumerAckLost', stream, process)) return;
    const there = this.#streams.get(stream);
    const reader = there?.consumers.get(consumer);
    if (there === undefined || reader === undefined) return;
    // It says the number only: that of another message by now when the stream was made again or lost its end.
    if (there.at(record.sequence) !== record) this.sim.count('bus: acknowledgement of an older message');
    act(reader);
  }

  #store(stream: BusStream, outgoing: Outgoing, publisher: string): void {
    this.#snapshots.markWhenDue();
    const record = stream.store(outgoing, publisher);
    let history = this.#histories.get(stream.name);
    if (history === undefined) this.#histories.set(stream.name, (history = []));
    history.push(record);
    if (this.sim.faults.bites('bus.lose', stream.name, publisher)) record.fate = 'lost';
    else stream.announce(record);
  }
}
