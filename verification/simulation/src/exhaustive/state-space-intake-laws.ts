import { outcomeIn, seen } from './state-space-alphabet.ts';
import type { IntakeConfiguration } from './state-space-intake.ts';
import type { IntakeWorld } from './state-space-intake-world.ts';
import { rowAt } from './state-space-services.ts';
import { history } from './state-space-world.ts';

/** What must hold of an order that two sagas want: one of them at most has it, and the other one leaves it alone. */
export function brokenIntakeLaw(world: IntakeWorld, { namesEvent }: IntakeConfiguration): string | null {
  const { order, sagas } = world;
  const create = sagas.map(({ rows }) => rowAt(rows, 0));
  const confirm = sagas.map(({ rows }) => rowAt(rows, 1));
  if (confirm.every((row) => row === 'executed')) return 'both sagas confirmed the order';
  if (create.every((row) => row === 'executed' || row === 'compensated')) return 'both sagas got the order';
  if (order.wasRevived) return 'an order that had ended is open again';
  for (const side of [0, 1] as const) {
    const isMine = order.claim === side;
    if ((create[side] === 'executed' || create[side] === 'compensated') !== isMine) {
      return `the claim of saga ${side + 1} and its row of create disagree`;
    }
    if (confirm[side] === 'executed' && (order.state !== 'CONFIRMED' || !isMine)) {
      return `saga ${side + 1} confirmed, and the order is ${order.state}, ${isMine ? 'its own' : 'not its own'}`;
    }
    if (isMine && (order.state === 'CANCELLED') !== (create[side] === 'compensated')) {
      return `the order of saga ${side + 1} is ${order.state}, and its row of create is ${create[side]}`;
    }
    const isOpen = order.state === 'PENDING' && order.claim === null;
    if (isOpen && order.hasEvent && namesEvent[side] && create[side] === 'tombstone') {
      return `saga ${side + 1} ended before it created the order, which is announced for ever`;
    }
    const why = brokenLawOfSaga(world, side, create[side] ?? '', confirm[side] ?? '');
    if (why !== null) return why;
  }
  if (order.state === 'CONFIRMED' && !confirm.includes('executed')) return 'confirmed by nobody';
  return null;
}

function brokenLawOfSaga(world: IntakeWorld, side: 0 | 1, create: string, confirm: string): string | null {
  const { object, sent } = world.sagas[side];
  const outcome = outcomeIn(object);
  const saga = `saga ${side + 1}`;
  const everHeld = (object & history.held) !== 0;
  if (sent !== 0 && !everHeld) return `a command of ${saga} left before its finalizer was held`;
  if (everHeld && !(object & seen.finalizer) && outcome === null) {
    return `the finalizer of ${saga} was released before its outcome was stored`;
  }
  if (object & history.outcomeChanged) return `the stored outcome of ${saga} changed`;
  if (outcome === 'Completed' && (create !== 'executed' || confirm !== 'executed')) {
    return `${saga} says Completed: create ${create}, confirm ${confirm}`;
  }
  if (outcome === 'Compensated' && (sent !== 0 || world.sagas[side].rows !== 0)) {
    const isRevoked = confirm === 'tombstone' || confirm === 'rejected';
    if (!isRevoked || create === 'empty' || create === 'executed') {
      return `${saga} says Compensated: create ${create}, confirm ${confirm}`;
    }
  }
  return null;
}
