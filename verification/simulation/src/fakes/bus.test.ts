import { brokerBehaviour } from '@sagamesh/runtime/broker.behaviour';
import type { StuckReader } from '@sagamesh/runtime/broker.behaviour';
import type { Broker, DurableConsumerSpec } from '@sagamesh/runtime/broker';
import { deferred } from '@sagamesh/runtime/testing/collector';
import { afterAll, describe } from 'vitest';
import { Host } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { pump } from '../testing/pump.ts';
import { SimBus } from './bus.ts';

/** The simulated broker is held to what the real one does. */

describe('the simulated broker', () => {
  const sim = new Sim({ seed: 1 });
  const bus = new SimBus(sim);
  const stop = pump(sim, { idlePauseMillis: 1 });
  let hosts = 0;
  afterAll(stop);

  function newHost(): Host {
    const host = new Host({ sim, name: `client-${(hosts += 1)}`, role: 'client', program: () => undefined });
    host.start();
    return host;
  }

  function clientOf(host: Host): Broker {
    if (host.process === undefined) throw new Error('nothing runs');
    return bus.connect(host.process);
  }

  async function stuckReader(spec: DurableConsumerSpec): Promise<StuckReader> {
    const host = newHost();
    const taken = deferred();
    const goOn = deferred();
    const reading = await clientOf(host).consume(spec, async () => {
      host.pause(Number.MAX_SAFE_INTEGER);
      taken.resolve();
      await goOn.promise;
      return { kind: 'ack' };
    });
    return {
      taken: taken.promise,
      async goOn() {
        host.resume();
        goOn.resolve();
        await reading.stop();
      },
      async kill() {
        host.crash(Number.MAX_SAFE_INTEGER);
      },
    };
  }

  brokerBehaviour('the simulated bus', {
    open: async () => clientOf(newHost()),
    nowMillis: () => sim.nowMillis,
    wait: async (millis) =>
      new Promise((resolve) => {
        sim.after(millis, resolve);
      }),
    deleteStream: async (name) => void bus.deleteStream(name),
    stuckReader,
  });
});
