import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';

/** I14: the same asked twice gives the same: trace hashes of one seed, decisions about one state. The caller does the asking. */
export function checkReplayDeterminism(facts: Facts): Finding {
  const judge = new Judge('I14');
  for (const { what, first, second } of facts.replays ?? []) {
    judge.look(first === second, () => `${what}: first ${first}, then ${second}`);
  }
  return judge.finding;
}
