import { z } from 'zod';

/**
 * The keys that the user service signs tokens with (`keys.json`, variable SIGNING_KEYS_FILE), and how they are exchanged while tokens of the
 * old one are still about. Pure: makes no keys, reads no file, has no clock. `newSigningKey()` of @sagamesh/sandbox/new-signing-key makes a key.
 *
 * A rotation, for whoever keeps the file:
 *   1. keys = addNextKey(dropExpired(keys, nowMillis, tokenTtlSeconds), newSigningKey(nowMillis)); store, publish publicJwks(keys) to every verifier.
 *      Again after an interruption: a key that is `next` already stays the next one.
 *   2. Wait until each verifier has the new JWKS (services look at JWKS_FILE once a second; a mounted Secret or ConfigMap needs its minute).
 *   3. keys = promoteNextKey(keys, nowMillis); store. From the user service's next look at its file on, tokens carry the new `kid`.
 *   4. The old key stays in the JWKS, `retired`. dropExpired takes it out once no token of it can be alive; publish publicJwks(keys) again.
 */

export const signingAlgorithm = 'EdDSA';

/** Ed25519 as RFC 8037 writes it: `d` is the secret half. Both halves are 32 bytes in base64url. */
const privateJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

const keyShape = {
  kid: z.string().min(1).max(64),
  createdAt: z.iso.datetime(),
  privateJwk: privateJwkSchema,
};

const signingKeySchema = z.discriminatedUnion('state', [
  z.object({ ...keyShape, state: z.literal('next') }),
  z.object({ ...keyShape, state: z.literal('signing') }),
  z.object({ ...keyShape, state: z.literal('retired'), retiredAt: z.iso.datetime() }),
]);

export const signingKeysSchema = z.object({
  keys: z
    .array(signingKeySchema)
    .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, 'two keys share a kid')
    .refine((keys) => countOf(keys, 'signing') === 1, 'exactly one key must be in the state signing')
    .refine((keys) => countOf(keys, 'next') <= 1, 'at most one key may be in the state next'),
});

export type SigningKey = Readonly<z.infer<typeof signingKeySchema>>;
export type KeyState = SigningKey['state'];

/** Always with exactly one key in the state `signing`. */
export interface SigningKeys {
  readonly keys: readonly SigningKey[];
}

/** What a key is before it has a part to play. */
export type NewKey = Readonly<z.infer<z.ZodObject<typeof keyShape>>>;

export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: typeof signingAlgorithm;
  readonly use: 'sig';
}

/**
 * For how long a retired key outlives the last token that its promotion should have left: a process may read the exchanged file late (a kubelet
 * brings a changed Secret within about two minutes: sync period and cache, Kubernetes docs, "Secrets"), and verifiers allow for skewed clocks.
 */
export const retirementMarginSeconds = 600;

function countOf(keys: readonly { readonly state: string }[], state: KeyState): number {
  return keys.filter((key) => key.state === state).length;
}

/** The first key of an installation signs at once: no verifier knows another one. */
export function firstSigningKeys(key: NewKey): SigningKeys {
  return { keys: [{ ...key, state: 'signing' }] };
}

export function signingKeyOf({ keys }: SigningKeys): SigningKey {
  const key = keys.find(({ state }) => state === 'signing');
  if (key === undefined) throw new Error('the key set has no key in the state signing');
  return key;
}

/** The key that will sign after the next promotion; verifiers learn it first. A set that has one already stays as it is. */
export function addNextKey(set: SigningKeys, key: NewKey): SigningKeys {
  if (countOf(set.keys, 'next') > 0) return set;
  if (set.keys.some(({ kid }) => kid === key.kid))
    throw new Error(`the key set has a key ${key.kid} already`);
  return { keys: [...set.keys, { ...key, state: 'next' }] };
}

/** `next` signs, what signed is retired. Throws without a next key: a rotation that changes nothing must not look like one. */
export function promoteNextKey(set: SigningKeys, nowMillis: number): SigningKeys {
  if (countOf(set.keys, 'next') === 0) throw new Error('the key set has no key in the state next');
  const retiredAt = new Date(nowMillis).toISOString();
  return {
    keys: set.keys.map((key): SigningKey => {
      const { kid, createdAt, privateJwk } = key;
      if (key.state === 'signing') return { kid, createdAt, privateJwk, state: 'retired', retiredAt };
      return key.state === 'next' ? { ...key, state: 'signing' } : key;
    }),
  };
}

/** Without the retired keys whose last token has expired. `tokenTtlSeconds`: the longest that the user service was configured with since. */
export function dropExpired(set: SigningKeys, nowMillis: number, tokenTtlSeconds: number): SigningKeys {
  const keptMillis = (tokenTtlSeconds + retirementMarginSeconds) * 1_000;
  return {
    keys: set.keys.filter(
      (key) => key.state !== 'retired' || Date.parse(key.retiredAt) + keptMillis > nowMillis,
    ),
  };
}

/** All keys, each without its secret half: what a JWKS file, a RequestAuthentication and `/.well-known/jwks.json` hold. */
export function publicJwks({ keys }: SigningKeys): { readonly keys: readonly PublicJwk[] } {
  return {
    keys: keys.map(({ kid, privateJwk: { kty, crv, x } }) => ({
      kty,
      crv,
      x,
      kid,
      alg: signingAlgorithm,
      use: 'sig',
    })),
  };
}
