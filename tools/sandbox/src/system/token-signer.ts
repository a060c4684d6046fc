import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import {
  firstSigningKeys,
  publicJwks,
  signingAlgorithm,
  signingKeyOf,
  signingKeysSchema,
  type SigningKeys,
} from '@sagamesh/contracts/signing-keys';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { importJWK, SignJWT } from 'jose';
import type { DataDir } from '../data-dir.ts';
import { newSigningKey } from '../new-signing-key.ts';

/**
 * Keeps the sandbox's keys and signs tokens for callers that are nobody's account. The user service signs with the same file, so its tokens and
 * these are worth the same everywhere.
 */
export interface TokenSigner {
  /** All keys with their secret halves, for the user service. */
  readonly keysFile: string;
  /** The public halves, for everybody who verifies. */
  readonly jwksFile: string;
  keys(): SigningKeys;
  /** Exchanges the keys, the public ones first: nobody is to see a token whose key it cannot know yet. */
  store(keys: SigningKeys): void;
  /** Signed with the key that is in the state `signing` now. */
  token(claims: {
    readonly customerId: string;
    readonly roles?: readonly string[];
    readonly expiresIn?: string;
  }): Promise<string>;
}

export async function openTokenSigner(dataDir: DataDir): Promise<TokenSigner> {
  const keysFile = dataDir.file('keys', 'signing-keys.json');
  const jwksFile = dataDir.file('keys', 'jwks.json');
  const keys = () => signingKeysSchema.parse(JSON.parse(readFileSync(keysFile, 'utf8')));
  const store = (next: SigningKeys) => {
    replace(jwksFile, publicJwks(next), 0o644);
    replace(keysFile, next, 0o600);
  };
  store(existsSync(keysFile) ? keys() : firstSigningKeys(newSigningKey(Date.now())));
  return {
    keysFile,
    jwksFile,
    keys,
    store,
    async token({ customerId, roles = [], expiresIn = '1h' }) {
      const { kid, privateJwk } = signingKeyOf(keys());
      return new SignJWT({ roles: [...roles] })
        .setProtectedHeader({ alg: signingAlgorithm, kid })
        .setSubject(customerId)
        .setIssuer(tokenIssuer)
        .setAudience(tokenAudience)
        .setIssuedAt()
        .setExpirationTime(expiresIn)
        .sign(await importJWK(privateJwk, signingAlgorithm));
    },
  };
}

/** At once, as a mounted Secret is exchanged: a reader finds the old contents or the new ones, never half of them. */
function replace(file: string, contents: object, mode: number): void {
  const beside = `${file}.new`;
  writeFileSync(beside, JSON.stringify(contents, null, 2), { mode });
  renameSync(beside, file);
}
