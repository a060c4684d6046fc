import type { Command } from '@sagamesh/contracts/messages';
import type { OrderSagaSpec, Step } from '@sagamesh/contracts/order-saga';
import type { CommandFact, Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isSameValue } from './same-value.ts';
import { viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I15: a (saga, step) is asked for with one content, whoever sends and however often: service, action, order and `with`, the same as the spec of
 * exactly this uid; and that spec's order and steps never change. Attempt, deadline, results and ids may differ. REVOKE travels as the pivot's
 * execute action. `refuse` comes from the intake, of no saga, and may be reworded: the fence answers Mismatch. And a command id is of one send
 * alone: what has an old id and is a new send is taken for a repeat by the broker, and dropped for as long as it remembers.
 */
export function checkCommandContent(facts: Facts): Finding {
  const judge = new Judge('I15');
  const { history, sagaByUid, sagas } = viewOf(facts);
  for (const saga of sagas) lookAtSpecs(saga, judge);
  for (const [uid, commands] of history.commands) {
    const saga = sagaByUid.get(uid);
    if (saga) lookAtSaga(saga, commands, judge);
    else lookAtStranger(commands, judge);
    lookAtIds(commands, judge);
  }
  return judge.finding;
}

/** Every send has a deadline of its own; a broker's own repeat has the same bytes. */
function lookAtIds(commands: readonly CommandFact[], judge: Judge): void {
  const deadlines = new Map<string, string>();
  for (const { command } of commands) {
    if (command.step === 'refuse') continue;
    const first = deadlines.get(command.commandId) ?? command.deadline;
    deadlines.set(command.commandId, first);
    judge.also(
      first === command.deadline,
      () => `${command.commandId} names two sends, due ${first} and ${command.deadline}`,
    );
  }
}

function lookAtSpecs(saga: SagaView, judge: Judge): void {
  const { versions } = saga.fact;
  const first = versions[0]?.spec;
  for (const { spec, position } of versions) {
    judge.look(
      !first || isSameSpec(first, spec),
      () => `${saga.label}: order or steps were changed (version at ${position})`,
    );
  }
}

function isSameSpec(a: OrderSagaSpec, b: OrderSagaSpec): boolean {
  return a === b || (isSameValue(a.order, b.order) && isSameValue(a.steps, b.steps));
}

function lookAtSaga(saga: SagaView, commands: readonly CommandFact[], judge: Judge): void {
  const steps = new Map(saga.plan.map((step) => [step.name, step]));
  const { order } = saga.last.spec;
  for (const { service, command } of commands) {
    const step = steps.get(command.step);
    const isRight =
      step !== undefined &&
      step.service === service &&
      command.action === actionOf(step, command) &&
      command.orderId === order.id &&
      isSameValue(command.order, order) &&
      isSameValue(command.with, step.with);
    judge.look(isRight, () => `${saga.label}: ${command.commandId} (${service}) is not what its spec says`);
  }
}

function actionOf(step: Step, { direction }: Command): string | undefined {
  return direction === 'compensate' ? step.compensate : step.execute;
}

/** Whose spec is not among the facts: then at least the sends must agree with each other. */
function lookAtStranger(commands: readonly CommandFact[], judge: Judge): void {
  const firsts = new Map<string, CommandFact>();
  for (const fact of commands) {
    const { command, service } = fact;
    if (command.step === 'refuse') continue;
    const key = `${command.step} ${command.direction === 'compensate' ? 'compensate' : 'execute'}`;
    const first = firsts.get(key);
    if (!first) firsts.set(key, fact);
    const isRight =
      !first ||
      (first.service === service &&
        first.command.action === command.action &&
        isSameValue(first.command.order, command.order) &&
        isSameValue(first.command.with, command.with));
    judge.look(
      isRight,
      () => `${command.commandId} asks for something else than ${first?.command.commandId}`,
    );
  }
}
