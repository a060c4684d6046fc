import type { Direction } from '@sagamesh/contracts/messages';
import { TerminalError } from '@sagamesh/runtime/errors';
import type { StepHandler } from './step.ts';

/** Which step serves which action. EXECUTE and REVOKE travel on the execute action, COMPENSATE on the compensate action. */

/** Every action of a service, once; TerminalError when two steps claim one. */
export function actionsOf(steps: readonly StepHandler[]): readonly string[] {
  const actions = steps.flatMap((step) =>
    step.compensate === undefined ? [step.execute] : [step.execute, step.compensate],
  );
  const twice = actions.find((action, index) => actions.indexOf(action) !== index);
  if (twice !== undefined) throw new TerminalError(`two steps serve the action ${twice}`);
  return actions;
}

/** Undefined when nothing here does this: an unknown action, or one that does not go in this direction. */
export function handlerOf(
  steps: readonly StepHandler[],
  action: string,
  direction: Direction,
): StepHandler | undefined {
  return steps.find((step) => (direction === 'compensate' ? step.compensate : step.execute) === action);
}
