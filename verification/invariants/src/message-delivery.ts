import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';

/**
 * I16: an outbox row that is called published was published (or is among the dead letters, when it never can be), and no event of an aggregate
 * was published before one that was written earlier; each unreadable message that somebody got has a dead letter of that somebody. At quiesce
 * also: no row is unpublished, and every consumer has read and acknowledged all.
 */
export function checkMessageDelivery(facts: Facts): Finding {
  const judge = new Judge('I16');
  lookAtOutbox(facts, judge);
  lookAtOrder(facts, judge);
  if (facts.atQuiesce) {
    for (const { stream, name, pending, ackPending } of facts.consumers ?? []) {
      judge.look(
        pending === 0 && ackPending === 0,
        () => `consumer ${name} of ${stream}: ${pending} not delivered, ${ackPending} not acknowledged`,
      );
    }
  }
  if (!facts.deadLetters) return judge.finding;
  // Equal messages are still messages: each needs a dead letter of its own, and a redelivery may make one more.
  const buried = new Map<string, number>();
  for (const { service, subject, body } of facts.deadLetters) {
    const name = key(service, subject, body);
    buried.set(name, (buried.get(name) ?? 0) + 1);
  }
  for (const { service, subject, body } of facts.unreadable ?? []) {
    const name = key(service, subject, body);
    const left = buried.get(name) ?? 0;
    buried.set(name, left - 1);
    judge.look(
      left > 0,
      () => `${service} could not read a message on ${subject} and buried it nowhere: ${body.slice(0, 80)}`,
    );
  }
  return judge.finding;
}

const key = (service: string, subject: string, body: string) => `${service}\n${subject}\n${body}`;

function lookAtOutbox(facts: Facts, judge: Judge): void {
  const published = new Set((facts.events ?? []).map(({ event }) => event.eventId));
  // Which event is in a dead letter of the relay cannot be told from its digest, so its subject is enough.
  const buried = new Set((facts.deadLetters ?? []).map(({ service, subject }) => `${service} ${subject}`));
  for (const row of facts.outbox ?? []) {
    if (!row.published) {
      if (facts.atQuiesce) {
        judge.look(
          false,
          () => `${row.service}: event ${row.eventId} (${row.eventType}) waits in the outbox`,
        );
      }
      continue;
    }
    if (!facts.events) {
      judge.look(true, () => '');
      continue;
    }
    judge.look(
      published.has(row.eventId) || buried.has(`${row.service} events.${row.eventType}`),
      () => `${row.service}: event ${row.eventId} (${row.eventType}) is called published and never was`,
    );
  }
}

/** An event may be published again at any time, so what counts is when it was published first. */
function lookAtOrder({ outbox = [], events = [] }: Facts, judge: Judge): void {
  const firstAt = new Map<string, number>();
  for (const { event, position } of events) {
    if (!firstAt.has(event.eventId)) firstAt.set(event.eventId, position);
  }
  const latest = new Map<string, { readonly eventId: string; readonly position: number }>();
  for (const { service, aggregateId, eventId } of outbox) {
    const position = firstAt.get(eventId);
    if (position === undefined) continue;
    const lane = `${service} ${aggregateId}`;
    const before = latest.get(lane);
    judge.also(
      before === undefined || before.position <= position,
      () =>
        `${service}: event ${eventId} of ${aggregateId} was published before ${before?.eventId}, which is older`,
    );
    if (before === undefined || before.position < position) latest.set(lane, { eventId, position });
  }
}
