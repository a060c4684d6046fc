import { isDeepStrictEqual } from 'node:util';
import { commandSchema, replySchema } from '@sagamesh/contracts/messages';
import type { Reply } from '@sagamesh/contracts/messages';
import { streamNames } from '@sagamesh/contracts/subjects';
import type { StoredMessage } from '@sagamesh/runtime/stored-messages';
import type { HandlerFact } from '../facts.ts';
import type { Answer, Lab } from './lab.ts';
import { outsideContents } from './outside.ts';
import { contentOf, contentsOf, untilOutboxIsEmpty } from './stores.ts';
import type { Content } from './stores.ts';
import type { Reader, Traffic } from './traffic.ts';

/**
 * Everything once more: every stored command and event goes to its handlers again, subject by subject, and everything that the services
 * could have changed is compared before and after.
 */

/** Of one subject; the last ones, so that a long run stays short. */
const messagesMax = 40;

export interface Bench {
  readonly lab: Lab;
  readonly traffic: Traffic;
  readonly stores: ReadonlyMap<string, string>;
}

type Contents = ReadonlyMap<string, Content>;

/** By `<who answers for it>: <what>`. */
async function contentsOfAll({ lab, stores, traffic }: Bench): Promise<Contents> {
  await traffic.untilAllIsRead();
  for (const url of stores.values()) await untilOutboxIsEmpty(url);
  // What was published by that may have readers.
  await traffic.untilAllIsRead();
  const contents = new Map<string, Content>(await outsideContents(lab.system));
  for (const [service, url] of stores) {
    for (const [table, content] of await contentsOf(url)) contents.set(`${service}: table ${table}`, content);
  }
  const sagas = (await lab.sagas()).map(({ metadata, spec, status }) =>
    JSON.stringify([metadata.uid, spec, status]),
  );
  return contents.set('operator: OrderSagas', contentOf(sagas));
}

function changes(before: Contents, after: Contents): readonly string[] {
  return [...after]
    .filter(([name, { fingerprint }]) => before.get(name)?.fingerprint !== fingerprint)
    .map(([name, { rows }]) => `${name} (${before.get(name)?.rows ?? 0} rows, then ${rows})`);
}

interface Tried extends Omit<HandlerFact, 'answeredOtherwise'> {
  readonly messages: readonly StoredMessage[];
}

export async function repeatEverything(bench: Bench): Promise<readonly HandlerFact[]> {
  const { traffic } = bench;
  const readers = await traffic.readers();
  const stored = [
    ...(await traffic.stored(streamNames.commands)),
    ...(await traffic.stored(streamNames.events)),
  ];
  const answers = await answersSoFar(traffic);
  const tried: Tried[] = [];
  let before = await contentsOfAll(bench);
  for (const subject of [...new Set(readers.map((reader) => reader.subject))].toSorted()) {
    const messages = stored.filter((one) => one.subject === subject).slice(-messagesMax);
    await traffic.publishAgain(messages);
    const after = await contentsOfAll(bench);
    const own = readers.filter((reader) => reader.subject === subject);
    tried.push(
      ...own.map((reader) => ({ ...factOf(reader, own, before, after), messages, repeats: messages.length })),
    );
    before = after;
  }
  const again = await answersAfter(traffic, answers);
  return tried.map(({ messages, ...fact }) => ({
    ...fact,
    answeredOtherwise: fact.kind === 'command' ? countOtherAnswers(answers, again, messages) : 0,
  }));
}

/** An effect that is no reader's own is told of the first one: somebody has to answer for it. */
function factOf(reader: Reader, readers: readonly Reader[], before: Contents, after: Contents) {
  const { stream, consumer } = reader;
  return {
    name: consumer,
    kind: stream === streamNames.commands ? ('command' as const) : ('event' as const),
    effects: changes(before, after).filter(
      (effect) => isOf(effect, consumer) || (reader === readers[0] && isOfNone(effect, readers)),
    ),
    rows: rowsIn(after),
  };
}

const rowsIn = (contents: Contents) => [...contents.values()].reduce((sum, { rows }) => sum + rows, 0);

/** `inventory-order-created` answers for `inventory: table demand`. */
const isOf = (effect: string, consumer: string) => consumer.startsWith(`${effect.split(':')[0]}-`);
const isOfNone = (effect: string, readers: readonly Reader[]) =>
  !readers.some(({ consumer }) => isOf(effect, consumer));

interface Answers {
  /** Sequence of the newest reply. */
  readonly last: number;
  /** The newest reply for each command's place and direction. */
  readonly replies: ReadonlyMap<string, Reply>;
  /** Places that were undone: there, EXECUTE is answered Fenced from then on. */
  readonly undone: ReadonlySet<string>;
}

const placeOf = ({ sagaUid, step }: { readonly sagaUid: string; readonly step: string }) =>
  `${sagaUid}/${step}`;

const bodyOf = ({ body }: StoredMessage): unknown => JSON.parse(Buffer.from(body).toString('utf8'));

const repliesIn = (messages: readonly StoredMessage[]): readonly Reply[] =>
  messages.flatMap((message) => replySchema.safeParse(bodyOf(message)).data ?? []);

async function answersSoFar(traffic: Traffic): Promise<Answers> {
  const messages = await traffic.stored(streamNames.replies);
  const replies = repliesIn(messages);
  const isUndone = ({ outcome }: Reply) =>
    outcome === 'Compensated' || outcome === 'NothingToUndo' || outcome === 'Revoked';
  return {
    last: messages.at(-1)?.sequence ?? 0,
    replies: new Map(replies.map((reply) => [`${placeOf(reply)}/${reply.direction}`, reply])),
    undone: new Set(replies.filter(isUndone).map(placeOf)),
  };
}

/** A command is acknowledged after its reply was stored: when all is read, all is answered. */
async function answersAfter(traffic: Traffic, { last }: Answers): Promise<readonly Reply[]> {
  const messages = await traffic.stored(streamNames.replies);
  return repliesIn(messages.filter(({ sequence }) => sequence > last));
}

/** How many repeats were answered with something else than the command was answered with before, or not at all. */
function countOtherAnswers(
  { replies, undone }: Answers,
  again: readonly Reply[],
  messages: readonly StoredMessage[],
): number {
  const ids = messages.flatMap((message) => commandSchema.safeParse(bodyOf(message)).data?.commandId ?? []);
  const answers = again.filter(({ commandId }) => ids.includes(commandId));
  const isSame = (reply: Reply) => {
    const first = replies.get(`${placeOf(reply)}/${reply.direction}`);
    const sameAnswer = first?.outcome === reply.outcome && first.reason === reply.reason;
    return sameAnswer || (reply.outcome === 'Fenced' && undone.has(placeOf(reply)));
  };
  return answers.filter((reply) => !isSame(reply)).length + Math.max(0, ids.length - answers.length);
}

export interface WritingRequest {
  /** As in `writingRoutes`, with the service before it. */
  readonly name: string;
  readonly send: () => Promise<Answer>;
  /** Until what the first one set going has ended. */
  readonly settled: (first: Answer) => Promise<void>;
  /** Default: equal as JSON. */
  readonly isSameBody?: (again: unknown, first: unknown) => boolean;
}

/** Each request is sent three times; the first has its effect, the others must not. */
export async function repeatRequests(
  bench: Bench,
  requests: readonly WritingRequest[],
): Promise<readonly HandlerFact[]> {
  const facts: HandlerFact[] = [];
  for (const { name, send, settled, isSameBody = isDeepStrictEqual } of requests) {
    const first = await send();
    if (first.status >= 300) throw new Error(`${name} answered ${first.status}: ${first.body}`);
    await settled(first);
    const before = await contentsOfAll(bench);
    const again = [await send(), await send()];
    const after = await contentsOfAll(bench);
    const isSame = ({ status, body }: Answer) =>
      status === first.status && isSameBody(JSON.parse(body), JSON.parse(first.body));
    facts.push({
      name,
      kind: 'request',
      repeats: again.length,
      answeredOtherwise: again.filter((answer) => !isSame(answer)).length,
      effects: changes(before, after),
      rows: rowsIn(after),
    });
  }
  return facts;
}
