/** Where a test of misbehaviour plays: an API server and a time. Virtual on the fake; on a real server the kernel's clock runs fast. */
import { type KubeClient, createKubeClient } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { Transport } from '../transport.ts';
import { FakeApi } from './fake-api.ts';
import { VirtualClock } from './virtual-clock.ts';

export type Stage = {
  /** The honest way to the server. */
  readonly transport: Transport;
  readonly clock: Clock;
  /** Lets so much of the clock's time pass. */
  pass(millis: number): Promise<void>;
  /** Lets time pass until it is true; throws after a quarter of an hour of it. */
  until(fact: () => boolean | Promise<boolean>, what: string): Promise<void>;
  /** A time in which a hot loop would show. */
  readonly quietMillis: number;
};

const patienceMillis = 15 * 60_000;
const minute = 60_000;

export function fakeStage(): Stage {
  const clock = new VirtualClock();
  const pass = (millis: number): Promise<void> => clock.advance(millis);
  return stageOf(new FakeApi().transport, clock, pass, { stepMillis: 250, quietMillis: 10 * minute });
}

/** So much faster than real time does the kernel's clock run: half a minute of waiting is under a second. */
const haste = 40;

export function realStage(transport: Transport): Stage {
  const clock: Clock = {
    now: () => performance.now() * haste,
    wallMillis: () => Date.now(),
    schedule: (delayMillis, run) => {
      const timer = setTimeout(run, delayMillis / haste);
      return () => clearTimeout(timer);
    },
  };
  const pass = (millis: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, millis / haste);
    });
  return stageOf(transport, clock, pass, { stepMillis: 400, quietMillis: 2 * minute });
}

function stageOf(
  transport: Transport,
  clock: Clock,
  pass: (millis: number) => Promise<void>,
  { stepMillis, quietMillis }: { readonly stepMillis: number; readonly quietMillis: number },
): Stage {
  return {
    transport,
    clock,
    pass,
    quietMillis,
    async until(fact, what) {
      const endMillis = clock.now() + patienceMillis;
      while (!(await fact())) {
        if (clock.now() > endMillis) throw new Error(`waited in vain for ${what}`);
        await pass(stepMillis);
      }
    },
  };
}

/** Ten real seconds on a real server, whatever the haste: a slow machine must not look like a fault. */
const requestTimeoutMillis = 10_000 * haste;

export function clientOn(
  transport: Transport,
  clock: Clock,
  timeoutMillis = requestTimeoutMillis,
): KubeClient {
  return createKubeClient(transport, {
    clock,
    random: () => 0,
    limiter: 'off',
    lane: 'reserved',
    requestTimeoutMillis: timeoutMillis,
  });
}

const namespaces = { group: '', version: 'v1', plural: 'namespaces' };
let namespacesMade = 0;

export async function newNamespace(stage: Stage): Promise<string> {
  const name = `misbehaviour-${(namespacesMade += 1)}`;
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await clientOn(stage.transport, stage.clock).create(namespaces, undefined, body);
  return name;
}
