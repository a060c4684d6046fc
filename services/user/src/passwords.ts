import {
  decoyHash,
  defaultCost,
  hashPassword,
  matchesHash,
  parseHash,
  type ScryptCost,
} from './password-hash.ts';
import { createWorkLimit, type WorkLimit } from './work-limit.ts';

/** Passwords at work: scrypt in Node's thread pool, of which it may take only a part. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** `stored` undefined: there is no such account. The answer is no, after the same work. */
  matches(password: string, stored: string | undefined): Promise<boolean>;
}

export interface PasswordsOptions {
  readonly cost?: ScryptCost;
  readonly limit?: WorkLimit;
  /** Tests: what compares, in place of scrypt. */
  readonly compare?: typeof matchesHash;
}

/**
 * Half of the four threads of Node's pool (libuv, "Thread pool work scheduling"): the other half stays for files and name look-ups. A hash
 * is about 0.2 s of one core, so ten callers are served within a second or two. On a busier machine nobody waits for longer than four, which
 * leaves the work itself six of the gateway's ten.
 */
const defaultLimit = { atOnceMax: 2, waitingMax: 8, waitMaxMillis: 4_000, retryAfterSeconds: 2 };

export function createPasswords(options: PasswordsOptions = {}): Passwords {
  const { cost = defaultCost, limit = createWorkLimit(defaultLimit), compare = matchesHash } = options;
  const decoy = decoyHash(cost);
  return {
    hash: (password) => limit.run(() => hashPassword(password, cost)),
    matches: (password, stored) =>
      limit.run(() => compare(password, stored === undefined ? decoy : parseHash(stored))),
  };
}
