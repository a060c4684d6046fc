import type { System } from '@sagamesh/sandbox/system/system';

/** A test that failed halfway may have left something dead or paused: the next one begins with everything at work. */
export async function untilAllRun(system: System): Promise<void> {
  for (const process of [system.nats.process, ...system.processes.values()]) {
    if (process.pid === undefined) await process.start();
    else process.resume();
  }
}
