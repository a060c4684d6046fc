import { readFileSync } from 'node:fs';

/** What the NATS server refused to its users, by its own log: `<user> publish <subject>`, each once. */
export function refusalsIn(logFile: string): readonly string[] {
  const line = /(Publish|Subscription) Violation .*?User "([^"]+)".*?Subject "([^"]+)"/;
  const found = readFileSync(logFile, 'utf8')
    .split('\n')
    .flatMap((text) => {
      const [, operation = '', user = '', subject = ''] = line.exec(text) ?? [];
      return subject === '' ? [] : [`${user} ${operation.toLowerCase()} ${subject}`];
    });
  return [...new Set(found)];
}
