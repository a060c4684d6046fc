import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** What is kept of a password: `$scrypt$ln=15,r=8,p=3$<salt>$<key>`, so that the parameters can be raised later and old ones still be read. */

export interface ScryptCost {
  /** log2 of N, the cost of CPU and memory. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/**
 * 32 MiB per password at work (128 * N * r), and as much computing as N=2^17, r=8, p=1 (OWASP Password Storage Cheat Sheet, "scrypt", lists them as
 * equal): memory of a small container is the scarcer thing.
 */
export const defaultCost: ScryptCost = { ln: 15, r: 8, p: 3 };

const saltBytes = 16;
const keyBytes = 32;

export interface PasswordHash extends ScryptCost {
  readonly salt: Buffer;
  readonly key: Buffer;
}

function derive(password: string, salt: Buffer, { ln, r, p }: ScryptCost): Promise<Buffer> {
  const cost = { N: 2 ** ln, r, p, maxmem: 2 * 128 * 2 ** ln * r };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyBytes, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

export async function hashPassword(password: string, cost: ScryptCost): Promise<string> {
  const salt = randomBytes(saltBytes);
  return formatHash({ ...cost, salt, key: await derive(password, salt, cost) });
}

export async function matchesHash(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash.salt, hash), hash.key);
}

/** A hash that no password has: for an account that does not exist, so that saying no takes as long as for one that does. */
export function decoyHash(cost: ScryptCost): PasswordHash {
  return { ...cost, salt: randomBytes(saltBytes), key: randomBytes(keyBytes) };
}

function formatHash({ ln, r, p, salt, key }: PasswordHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64')}$${key.toString('base64')}`;
}

const storedSchema = z
  .string()
  .regex(/^\$scrypt\$ln=\d{1,2},r=\d{1,3},p=\d{1,3}\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}$/);

/** Throws when the text is no hash of ours. */
export function parseHash(stored: string): PasswordHash {
  const [, , cost = '', salt = '', key = ''] = storedSchema.parse(stored).split('$');
  const [ln = 0, r = 0, p = 0] = cost.split(',').map((part) => Number(part.split('=')[1]));
  return { ln, r, p, salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') };
}
