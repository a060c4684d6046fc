import type { Move } from './state-space.ts';
import { outcomeIn } from './state-space-alphabet.ts';
import { forgotten } from './state-space-core.ts';
import type { IntakeModel } from './state-space-intake.ts';
import { decodeIntake } from './state-space-intake-world.ts';
import type { IntakeSaga } from './state-space-intake-world.ts';
import { moveKinds } from './state-space-moves.ts';
import { idOf } from './state-space-operators.ts';
import { rowAt } from './state-space-services.ts';
import { history } from './state-space-world.ts';

/** A path of the intake's search in words. */
export function tellIntakePath(model: IntakeModel, path: readonly string[]): readonly string[] {
  return path.map((state, index) => {
    const before = path[index - 1];
    return `${before === undefined ? 'start' : tellStep(model, before, state)}: ${tellState(model, state)}`;
  });
}

function tellStep(model: IntakeModel, from: string, to: string): string {
  let found: Move | null = null;
  model.expand(from, (next, _, move) => {
    if (next === to) found ??= move;
  });
  return found ? tellMove(model, from, found) : 'something';
}

function tellMove(model: IntakeModel, from: string, { kind, who, what }: Move): string {
  const { alphabet, table } = model;
  const saga = decodeIntake(from).sagas[who === 0 ? 0 : 1];
  const move = moveKinds[kind] ?? 'takes';
  if (move === 'takes') return `the order service takes ${alphabet.nameOf(what)} of saga ${who + 1}`;
  if (move === 'refuses') return 'the order service takes refuse of the intake';
  if (move === 'restarts' && what === 1) return 'saga 2 is made under the same name';
  const details = [];
  if (move === 'acts' || move === 'actsUnheard' || move === 'actsBelated') {
    const action = table.action(idOf(saga, 0));
    details.push(action?.kind ?? '');
    if (action?.kind === 'Send') {
      details.push(alphabet.nameOf(alphabet.message(action.direction, action.stepIndex)));
    }
  }
  const answer = move === 'hears' ? alphabet.answers[what] : undefined;
  if (answer) details.push(`${answer.outcome} to ${alphabet.nameOf(answer.message)}`);
  return [`saga ${who + 1} ${move}`, ...details].join(' ');
}

function tellState(model: IntakeModel, state: string): string {
  const { order, sagas } = decodeIntake(state);
  const claim = order.claim === null ? 'unclaimed' : `claimed by saga ${order.claim + 1}`;
  const [first, second] = sagas.map((saga) => tellSaga(model, saga));
  return `order ${order.state}, ${claim}; saga 1: ${first}; saga 2: ${second}`;
}

function tellSaga({ table, alphabet }: IntakeModel, saga: IntakeSaga): string {
  const rows = `create ${rowAt(saga.rows, 0)}, confirm ${rowAt(saga.rows, 1)}`;
  const stored = outcomeIn(saga.object) ?? (saga.object & history.gone ? 'gone' : 'open');
  const id = idOf(saga, 0);
  if (id === forgotten) return `${rows}, ${stored}`;
  const core = table.state(id);
  const at =
    core.phase === 'Ended'
      ? core.outcome
      : alphabet.nameOf(alphabet.message(core.call.direction, core.call.stepIndex));
  return `${rows}, ${stored}, at ${at}`;
}
