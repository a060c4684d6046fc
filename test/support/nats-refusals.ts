import { readFileSync } from 'node:fs';

/** What the NATS server refused to its users, by its own log. */

/** nats-server 2.15 names the user before the violation (`"$G/user:order" - Publish Violation`), 2.10 behind it (`User "order"`). */
const userSyntax = /user:([^"]+)"|User "([^"]+)"/;
const violationSyntax = /(Publish|Subscription) Violation\b.*?Subject "([^"]+)"/;

/** `<user> <publish|subscription> <subject>`. A line about a violation that cannot be read counts, too. */
export function refusalOf(line: string): string | undefined {
  if (!/violation/i.test(line)) return undefined;
  const [, operation, subject] = violationSyntax.exec(line) ?? [];
  const [, before, behind] = userSyntax.exec(line) ?? [];
  const user = before ?? behind;
  if (operation === undefined || subject === undefined || user === undefined) return line;
  return `${user} ${operation.toLowerCase()} ${subject}`;
}

/** Each once. */
export function refusalsIn(logFile: string): readonly string[] {
  const lines = readFileSync(logFile, 'utf8').split('\n');
  return [...new Set(lines.map(refusalOf))].filter((refusal) => refusal !== undefined);
}
