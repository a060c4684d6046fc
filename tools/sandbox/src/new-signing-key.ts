import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { NewKey } from '@sagamesh/contracts/signing-keys';
import { z } from 'zod';

const ed25519Schema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
});

/** A fresh Ed25519 key for the user service's key set. Its `kid` is random: nobody may conclude from one to another. */
export function newSigningKey(nowMillis: number): NewKey {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return {
    kid: randomUUID(),
    createdAt: new Date(nowMillis).toISOString(),
    privateJwk: ed25519Schema.parse(jwk),
  };
}
