import type { StoreChange } from '../kube/store.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { Narrator } from './ports.ts';
import type { SagaMemory } from './saga-memory.ts';
import type { SagaObject } from './saga-object.ts';
import { tooLateToCancel } from './story.ts';

/**
 * WHAT WAKES US, besides replies and timers: a change of an OrderSaga that could change a decision. Our own writes come by here, too, and wake
 * nobody: the loop that made them goes on by itself.
 */
export function createWaker(
  queue: Pick<WorkQueue, 'add'>,
  memory: SagaMemory,
  narrator: Narrator,
): (change: StoreChange<SagaObject>) => void {
  return (change) => {
    switch (change.kind) {
      case 'deleted':
        memory.forget(change.key);
        return;
      case 'added':
        queue.add(change.key, change.initial ? 'low' : 'normal');
        return;
      case 'updated':
        if (isLateCancel(change.previous, change.object)) narrator.tell(change.object, [tooLateToCancel]);
        if (change.source !== 'write') queue.add(change.key);
    }
  };
}

/** After the end nobody holds a state of this saga any more, but whoever cancels deserves an answer. */
function isLateCancel(before: SagaObject, now: SagaObject): boolean {
  return (
    before.content.kind === 'ended' &&
    now.content.kind === 'ended' &&
    now.content.completed &&
    now.content.cancel &&
    !before.content.cancel
  );
}
