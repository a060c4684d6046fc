/** Everything that the kernel promises when the API server, the network or the process itself misbehaves. Run on the fake and on a real server. */
import { describeElector } from './elector.behaviour.ts';
import { describeKeeper } from './keeper.behaviour.ts';
import { describeRecorder } from './recorder.behaviour.ts';
import { describeReflector } from './reflector.behaviour.ts';
import type { Stage } from './testing/stage.ts';

export function describeMisbehaviour(name: string, open: () => Stage): void {
  describeReflector(name, open);
  describeElector(name, open);
  describeKeeper(name, open);
  describeRecorder(name, open);
}
