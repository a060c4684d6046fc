import type { SeededRandom } from '../kernel/random.ts';
import type { Sim } from '../kernel/sim.ts';

/** What the parts of the simulated broker share. */

export interface BusContext {
  readonly sim: Sim;
  readonly random: SeededRandom;
  /** Nothing goes in or out at this moment; asked per effect, for a window may strike only some. */
  isAway(stream: string, process: string): boolean;
  /** One way over the network, in virtual milliseconds. */
  latencyMillis(): number;
}

/** How late a message is at most that a delay struck: ten times a step's time-out. */
export const delayMaxMillis = 100_000;

/** When what could not go out because the server was away is tried again. */
export const awayRetryMillis = 250;

/** How long a message is held back for another one to go first. */
export const reorderHoldMillis = 2_000;
