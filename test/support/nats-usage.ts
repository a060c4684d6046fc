import { readFileSync } from 'node:fs';
import type { BrokerAccess } from '@sagamesh/contracts/broker-access';

/** What each client of the NATS server really did, read from the server's protocol trace (`-DV`). */

export interface NatsUsage {
  /** Subjects by the name of the connection. */
  readonly published: ReadonlyMap<string, ReadonlySet<string>>;
  readonly subscribed: ReadonlyMap<string, ReadonlySet<string>>;
}

/** `... - "v2.29.3:nats.js:order" - "$G/user:order" - <<- [PUB dlq.order 14]`; PUB, HPUB and SUB alike have the subject first. */
const lineSyntax = /"v[^"]*:([^":]+)" - .*?<<- \[(PUB|HPUB|SUB) (\S+)/;

export function usageIn(logFile: string): NatsUsage {
  const published = new Map<string, Set<string>>();
  const subscribed = new Map<string, Set<string>>();
  for (const line of readFileSync(logFile, 'utf8').split('\n')) {
    const [, name, operation, subject] = lineSyntax.exec(line) ?? [];
    if (name === undefined || subject === undefined) continue;
    const map = operation === 'SUB' ? subscribed : published;
    map.set(name, (map.get(name) ?? new Set()).add(subject));
  }
  return { published, subscribed };
}

function covers(pattern: string, subject: string): boolean {
  return pattern === subject || (pattern.endsWith('.>') && subject.startsWith(pattern.slice(0, -1)));
}

/** Grants that nothing used: `<client> <publish|subscribe> <subject>`. */
export function unusedGrants(
  clients: readonly BrokerAccess[],
  { published, subscribed }: NatsUsage,
): readonly string[] {
  const unused = (granted: readonly string[], used: ReadonlySet<string> = new Set()) =>
    granted.filter((pattern) => ![...used].some((subject) => covers(pattern, subject)));
  return clients.flatMap(({ name, publish, subscribe }) => [
    ...unused(publish, published.get(name)).map((pattern) => `${name} publish ${pattern}`),
    ...unused(subscribe, subscribed.get(name)).map((pattern) => `${name} subscribe ${pattern}`),
  ]);
}
