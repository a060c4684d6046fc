/** Who logs in at the sandbox's NATS server: passwords that are made once and kept in the data folder. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export type NatsLogin = {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
  readonly user: string;
  readonly password: string;
};

const passwordsSchema = z.record(z.string(), z.string());
type Passwords = Readonly<z.infer<typeof passwordsSchema>>;

/** Inside the folder of a sandbox. */
const fileName = join('nats', 'passwords.json');

function readPasswords(folder: string): Passwords {
  const file = join(folder, fileName);
  return existsSync(file) ? passwordsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : {};
}

/** Those that are kept, and new ones for users that have none. */
export function keepPasswords(folder: string, users: readonly string[]): Passwords {
  const kept = readPasswords(folder);
  const all = Object.fromEntries(
    users.map((user) => [user, kept[user] ?? `p${randomBytes(18).toString('hex')}`]),
  );
  writeFileSync(join(folder, fileName), JSON.stringify({ ...kept, ...all }, null, 2), { mode: 0o600 });
  return all;
}

/** The password that a sandbox in this folder uses, for another process; undefined when there is none. */
export function keptPassword(folder: string, user: string): string | undefined {
  return readPasswords(folder)[user];
}

/** For one of our own processes. */
export function natsEnvironment({ url, user, password }: NatsLogin): Readonly<Record<string, string>> {
  return { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password };
}

/** For `connect` of the plain client. */
export function natsConnectOptions({ url, user, password }: NatsLogin): {
  readonly servers: string;
  readonly user: string;
  readonly pass: string;
} {
  return { servers: url, user, pass: password };
}
