import { commandSchema } from '@sagamesh/contracts/messages';
import type { Command, Direction, Reply } from '@sagamesh/contracts/messages';
import { messageVersion } from '@sagamesh/contracts/messages';
import { commandConsumerName, commandSubject, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import type { IncomingMessage, Verdict } from '@sagamesh/runtime/broker';
import { openNatsBroker } from '@sagamesh/runtime/nats-broker';
import { createLogger } from '@sagamesh/runtime/logger';
import type { NatsLogin } from '@sagamesh/sandbox/nats-users';
import { waitUntil } from '@sagamesh/sandbox/wait-until';

/**
 * A service of somebody else, over the public messages alone, that answers as a test says: so a saga can be held at a step for as long as a
 * test wants, and be told no, yes or nothing. It keeps no fence: it is for the operator's side only.
 */
export interface ScriptedService {
  /** The plan's `service`. */
  readonly name: string;
  /** From now on these commands of the order are answered so. Without a script: the good answer. */
  script(orderId: string, direction: Direction, answer: ScriptedAnswer): void;
  /** Every command of the order so far, in order of arrival. */
  received(orderId: string): readonly Command[];
  /** Answers the newest such command of the order now, after a silence. */
  reply(orderId: string, direction: Direction, scripted?: ScriptedAnswer): Promise<void>;
  /** Resolves when such a command has arrived. */
  untilReceived(orderId: string, direction: Direction, count?: number): Promise<void>;
  stop(): Promise<void>;
}

export type ScriptedAnswer =
  | {
      readonly kind: 'answer';
      readonly outcome: Reply['outcome'];
      readonly reason?: string;
      readonly message?: string;
    }
  | { readonly kind: 'silence' };

export const silence: ScriptedAnswer = { kind: 'silence' };
export const answer = (outcome: Reply['outcome'], reason = '', message = ''): ScriptedAnswer => ({
  kind: 'answer',
  outcome,
  reason,
  message,
});

const goodOutcomes: Readonly<Record<Direction, Reply['outcome']>> = {
  execute: 'Executed',
  compensate: 'Compensated',
  revoke: 'Revoked',
};

export interface ScriptedServiceOptions {
  /** The user that `stepServices` of the system made, with rights to these actions and no more. */
  readonly login: NatsLogin;
  readonly actions: readonly string[];
}

export async function startScriptedService(options: ScriptedServiceOptions): Promise<ScriptedService> {
  const { login, actions } = options;
  const name = login.user;
  const logger = createLogger({ name, level: 'silent' });
  const broker = openNatsBroker({ ...login, name, makesStreams: false, logger });
  const scripts = new Map<string, ScriptedAnswer>();
  const commands: Command[] = [];
  const take = async ({ body }: IncomingMessage): Promise<Verdict> => {
    const command = commandSchema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
    commands.push(command);
    const { orderId, direction } = command;
    const scripted = scripts.get(`${orderId}/${direction}`) ?? answer(goodOutcomes[direction]);
    await say(command, scripted);
    return { kind: 'ack' };
  };
  const say = async (command: Command, scripted: ScriptedAnswer): Promise<void> => {
    if (scripted.kind === 'silence') return;
    await broker.publish({ subject: replySubject(name), body: replyTo(command, scripted) });
  };
  for (const action of actions) {
    const spec = {
      stream: streamNames.commands,
      consumer: commandConsumerName(name, action),
      filterSubject: commandSubject(name, action),
      deliver: 'new',
      ackWaitMillis: 30_000,
      concurrency: 16,
    } as const;
    await broker.consume(spec, take);
  }
  const received = (orderId: string) => commands.filter((command) => command.orderId === orderId);
  return {
    name,
    script: (orderId, direction, scripted) => void scripts.set(`${orderId}/${direction}`, scripted),
    received,
    async reply(orderId, direction, scripted = answer(goodOutcomes[direction])) {
      const command = received(orderId).findLast((one) => one.direction === direction);
      if (!command) throw new Error(`${name} was never asked to ${direction} for ${orderId}`);
      await say(command, scripted);
    },
    untilReceived: (orderId, direction, count = 1) =>
      waitUntil(() => received(orderId).filter((one) => one.direction === direction).length >= count, {
        timeoutMillis: 120_000,
        what: `${name} to be asked to ${direction} for ${orderId}`,
      }),
    stop: () => broker.close(),
  };
}

function replyTo(command: Command, scripted: Extract<ScriptedAnswer, { kind: 'answer' }>): Reply {
  const { commandId, sagaUid, step, direction } = command;
  const { outcome, reason = '', message = '' } = scripted;
  return {
    version: messageVersion,
    commandId,
    sagaUid,
    step,
    direction,
    outcome,
    reason,
    message,
    result: {},
  };
}
