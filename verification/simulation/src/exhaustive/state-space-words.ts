import { unreachable } from '@sagamesh/contracts/unreachable';
import { isStuck } from '@sagamesh/operator/saga/decide';
import type { Move } from './state-space.ts';
import { outcomeIn, seen } from './state-space-alphabet.ts';
import { forgotten } from './state-space-core.ts';
import { moveKinds } from './state-space-moves.ts';
import { idOf } from './state-space-operators.ts';
import type { SagaModel } from './state-space-saga.ts';
import { providerNames, rowAt, stages } from './state-space-services.ts';
import { decode, history } from './state-space-world.ts';
import type { World } from './state-space-world.ts';

/** A path of the search in words. Found by searching again from each state of it, which is cheap for the one path that is read. */

export function tellPath(model: SagaModel, path: readonly string[]): readonly string[] {
  const lines = [`start: ${tellWorld(model, path[0] ?? model.start, false)}`];
  let swapped = false;
  for (let index = 1; index < path.length; index += 1) {
    const from = path[index - 1] ?? '';
    const to = path[index] ?? '';
    const taken = stepBetween(model, from, to);
    const who = taken.move.who === 0 ? 0 : 1;
    lines.push(`${tellMove(model, decode(from), taken.move, swapped ? 1 - who : who)}: `);
    if (taken.swaps) swapped = !swapped;
    lines[index] += tellWorld(model, to, swapped);
  }
  return lines;
}

interface Taken {
  readonly move: Move;
  readonly swaps: boolean;
}

function stepBetween(model: SagaModel, from: string, to: string): Taken {
  let found: Taken | null = null;
  model.expand(from, (next, _, move) => {
    if (next === to) found ??= { move, swaps: model.lastWasSwapped };
  });
  if (!found) throw new Error('this is no path');
  return found;
}

function tellMove(model: SagaModel, world: World, { kind, who, what }: Move, name: number): string {
  const operator = `operator ${name + 1}`;
  const { alphabet } = model;
  const move = moveKinds[kind];
  switch (move) {
    case 'takes':
      return `the service takes ${alphabet.nameOf(what)}`;
    case 'proceeds':
      return `a handler of the payment goes on with: ${stages[what]}`;
    case 'hears':
      return `${operator} hears ${tellAnswer(model, what)}`;
    case 'hearsFailed':
      return `${operator} hears Failed to ${alphabet.nameOf(what)}`;
    case 'acts':
    case 'actsBelated':
    case 'actsUnheard': {
      const action = model.table.action(idOf(world, who));
      const unheard =
        move === 'acts'
          ? ''
          : move === 'actsBelated'
            ? ' on an older belief, to the newest version'
            : ', and does not hear that it was done';
      if (action?.kind !== 'Send') return `${operator} does ${action?.kind}${unheard}`;
      return `${operator} sends ${alphabet.nameOf(alphabet.message(action.direction, action.stepIndex))}`;
    }
    case 'abandons':
      return what === 0
        ? 'somebody takes abandon-step away'
        : `somebody asks to abandon ${alphabet.plan.steps[what - 1]?.name}`;
    case 'cancels':
    case 'deletes':
    case 'suspends':
    case 'resumes':
      return `somebody ${move} the saga`;
    case 'wipes':
      return 'somebody wipes the status';
    case 'losesMessage':
      return `lost: ${alphabet.nameOf(what)}`;
    case 'losesAnswer':
      return `lost: ${tellAnswer(model, what)}`;
    case 'handlerDies':
      return `a handler dies before: ${stages[what]}`;
    case 'missesDeadline':
    case 'observes':
    case 'reconnects':
    case 'restarts':
    case 'savesProgress':
    case 'timesOut':
      return `${operator} ${move}`;
    case 'refuses':
    case undefined:
      throw new RangeError(`no move ${kind} of one saga`);
    default:
      return unreachable(move);
  }
}

function tellAnswer({ alphabet }: SagaModel, answer: number): string {
  const found = alphabet.answers[answer];
  return found ? `${found.outcome} to ${alphabet.nameOf(found.message)}` : 'nothing';
}

function tellWorld(model: SagaModel, state: string, swapped: boolean): string {
  const world = decode(state);
  const { alphabet } = model;
  const rows = alphabet.plan.steps.map(({ name }, step) => `${name} ${rowAt(world.rows, step)}`);
  const provider =
    model.configuration.providerStep === null ? '' : `; provider ${providerNames[world.provider]}`;
  const order = swapped ? [1, 0] : [0, 1];
  const operators = order.map((who) => tellOperator(model, world, who));
  return `rows ${rows.join(', ')}${provider}; object ${tellObject(world)}; operators ${operators.join(' | ')}`;
}

function tellObject({ object }: World): string {
  const words = [
    ...(object & history.gone ? ['gone'] : []),
    ...(object & seen.finalizer ? ['held'] : []),
    ...(object & seen.failure ? ['failure'] : []),
    ...(object & seen.suspend ? ['suspended'] : []),
    ...(object & seen.cancel ? ['cancelled'] : []),
    ...(object & seen.deleting ? ['deleting'] : []),
    ...(object & seen.abandonMask ? ['abandon-step'] : []),
    ...(outcomeIn(object) === null ? [] : [`outcome ${outcomeIn(object)}`]),
  ];
  return words.join(' ') || 'untouched';
}

function tellOperator({ table, alphabet }: SagaModel, world: World, who: number): string {
  const id = idOf(world, who);
  if (id === forgotten) return 'none';
  const state = table.state(id);
  if (state.phase === 'Ended') return state.outcome;
  const { direction, stepIndex, wait } = state.call;
  const name = alphabet.plan.steps[stepIndex]?.name;
  return `${direction} ${name} (${wait.kind}${isStuck(state) ? ', stuck' : ''})`;
}
