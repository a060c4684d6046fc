import { messageVersion } from '@sagamesh/contracts/messages';
import type { Command, Direction } from '@sagamesh/contracts/messages';
import type { Step } from '@sagamesh/contracts/order-saga';
import { commandConsumerName, commandSubject, streamNames } from '@sagamesh/contracts/subjects';
import type { Broker } from '@sagamesh/runtime/broker';
import { contextHeaders } from '@sagamesh/runtime/trace-context';
import type { Plan } from '../saga/plan.ts';
import { stepAt } from '../saga/plan.ts';
import type { CommandSender, ServiceDirectory } from './ports.ts';

/** Commands leave here. `nonce` makes the ids of this process its own: a constant id would be swallowed for two minutes after a restart. */
export function createCommandSender(broker: Broker, nonce: string): CommandSender {
  return {
    commandId: (entry, step, direction) =>
      `${entry.uid}/${step}/${direction}/${nonce}/${entry.nextSendNumber()}`,
    async send(entry, object, { commandId, stepIndex, direction, attempt, nowMillis }) {
      if (object.content.kind !== 'open') return;
      const { order } = object.content.spec;
      const step = stepAt(entry.state.plan, stepIndex);
      const action = actionOf(step, direction);
      const command: Command = {
        version: messageVersion,
        commandId,
        sagaUid: entry.uid,
        orderId: order.id,
        step: step.name,
        action,
        direction,
        attempt,
        deadline: new Date(nowMillis + step.timeoutSeconds * 1_000).toISOString(),
        order,
        with: step.with,
        results: { ...entry.state.results },
      };
      await broker.publish({
        subject: commandSubject(step.service, action),
        body: command,
        messageId: commandId,
        headers: contextHeaders(entry.context),
      });
    },
  };
}

/** REVOKE travels on the execute subject of the pivot. A step that is compensated has a compensate action: `planOf` saw to it. */
function actionOf(step: Step, direction: Direction): string {
  return direction === 'compensate' ? (step.compensate ?? step.execute) : step.execute;
}

/** Consumers are looked up again when the answer is older than this, in milliseconds. */
const consumersMaxAgeMillis = 1_000;

export function createServiceDirectory(broker: Broker): ServiceDirectory {
  return {
    async missing(plan: Plan) {
      const names = await broker.consumerNames(streamNames.commands, consumersMaxAgeMillis);
      return plan.steps.flatMap(({ service, execute, compensate }) =>
        [execute, ...(compensate === undefined ? [] : [compensate])]
          .filter((action) => !names.has(commandConsumerName(service, action)))
          .map((action) => commandSubject(service, action)),
      );
    },
  };
}
