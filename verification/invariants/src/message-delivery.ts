import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';

/**
 * I16: an outbox row that is called published was published (or is among the dead letters, when it never can be); each unreadable message that
 * somebody got has a dead letter of that somebody. At quiesce also: no row is unpublished, and every consumer has read and acknowledged all.
 */
export function checkMessageDelivery(facts: Facts): Finding {
  const judge = new Judge('I16');
  lookAtOutbox(facts, judge);
  if (facts.atQuiesce) {
    for (const { stream, name, pending, ackPending } of facts.consumers ?? []) {
      judge.look(
        pending === 0 && ackPending === 0,
        () => `consumer ${name} of ${stream}: ${pending} not delivered, ${ackPending} not acknowledged`,
      );
    }
  }
  if (!facts.deadLetters) return judge.finding;
  const buried = new Set(facts.deadLetters.map(({ service, subject, body }) => key(service, subject, body)));
  for (const { service, subject, body } of facts.unreadable ?? []) {
    judge.look(
      buried.has(key(service, subject, body)),
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
