import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { SignJWT, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { JWK } from 'jose';
import type { DataDir } from '../data-dir.ts';
import { jwtAudience, jwtIssuer } from './process-catalog.ts';

/** Signs the sandbox's own tokens, with a key pair that is made once per data folder. In a cluster the user service does this. */
export interface TokenSigner {
  /** The public half, for the services. */
  readonly jwksFile: string;
  token(claims: {
    readonly customerId: string;
    readonly roles?: readonly string[];
    readonly expiresIn?: string;
  }): Promise<string>;
}

const algorithm = 'EdDSA';

export async function openTokenSigner(dataDir: DataDir): Promise<TokenSigner> {
  const privateFile = dataDir.file('keys', 'private.jwk.json');
  const jwksFile = dataDir.file('keys', 'jwks.json');
  if (!existsSync(privateFile)) {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const common = { kid: 'sandbox-1', alg: algorithm, use: 'sig' };
    const keys = [{ ...(await exportJWK(pair.publicKey)), ...common }];
    writeFileSync(jwksFile, JSON.stringify({ keys }, null, 2));
    const own = { ...(await exportJWK(pair.privateKey)), ...common };
    writeFileSync(privateFile, JSON.stringify(own), { mode: 0o600 });
  }
  const jwk: JWK = JSON.parse(readFileSync(privateFile, 'utf8'));
  const key = await importJWK(jwk, algorithm);
  return {
    jwksFile,
    token: ({ customerId, roles = [], expiresIn = '1h' }) =>
      new SignJWT({ roles: [...roles] })
        .setProtectedHeader({ alg: algorithm, kid: jwk.kid ?? '' })
        .setSubject(customerId)
        .setIssuer(jwtIssuer)
        .setAudience(jwtAudience)
        .setIssuedAt()
        .setExpirationTime(expiresIn)
        .sign(key),
  };
}
