import type { BusContext } from './bus-context.ts';
import type { BusSnapshots } from './bus-snapshots.ts';
import type { BusStream } from './bus-stream.ts';

/** The faults of the broker that happen once, at their moment. Each answers whether there was anything to break. */

export interface Breakable extends BusContext {
  readonly streams: Map<string, BusStream>;
  readonly snapshots: BusSnapshots;
  deleteStream(name: string): boolean;
  /** The server ends and comes back: every connection breaks. */
  restart(): void;
}

/** Of the newest messages, how many a crash takes at most. */
const suffixMax = 12;

export function plantBusFaults(bus: Breakable): void {
  const { faults } = bus.sim;
  const targeted = (target: string | undefined): BusStream[] =>
    [...bus.streams.values()].filter(({ name }) => target === undefined || name === target);

  faults.onMoment('bus.restart', () => {
    bus.restart();
    return true;
  });
  faults.onMoment('bus.forgetDedupe', (target) =>
    targeted(target)
      .map((stream) => stream.forgetIds())
      .includes(true),
  );
  faults.onMoment('bus.loseSuffix', (target) => {
    const filled = targeted(target).filter(({ lastSequence }) => lastSequence > 0);
    if (filled.length === 0) return false;
    const stream = bus.random.pick(filled);
    stream.truncate(Math.max(0, stream.lastSequence - bus.random.int(1, suffixMax)));
    // Only a server that crashed loses what it had.
    bus.restart();
    return true;
  });
  faults.onMoment('bus.deleteStream', (target) => {
    const there = targeted(target);
    return there.length > 0 && bus.deleteStream(bus.random.pick(there).name);
  });
  faults.onMoment('bus.deleteConsumer', (target) => deleteConsumer(bus, target));
  faults.onMoment('bus.restoreOlder', () => {
    if (!bus.snapshots.restore()) return false;
    bus.restart();
    return true;
  });
}

/** The target is a stream or a durable consumer. The consumers of tails are as mortal as the durable ones. */
function deleteConsumer(bus: Breakable, target: string | undefined): boolean {
  const candidates = [...bus.streams.values()].flatMap((stream) => {
    const isTarget = target === undefined || stream.name === target;
    const durable = [...stream.consumers.values()]
      .filter(({ name }) => isTarget || name === target)
      .map((consumer) => () => {
        stream.consumers.delete(consumer.name);
        consumer.end();
      });
    const tails = isTarget ? [...stream.tails].map((tail) => () => tail.consumerGone()) : [];
    return [...durable, ...tails];
  });
  if (candidates.length === 0) return false;
  bus.random.pick(candidates)();
  return true;
}
