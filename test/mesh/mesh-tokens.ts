import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import type { SigningKey } from '@sagamesh/mesh/mesh-site';
import { generateKeyPair, importJWK, SignJWT } from 'jose';

/** Authorization headers, good and bad; each bad one is right in everything but for one thing. */

export interface MeshTokens {
  readonly good: string;
  readonly expired: string;
  readonly wrongIssuer: string;
  readonly wrongAudience: string;
  readonly wrongKey: string;
}

export async function meshTokens({ kid, privateJwk }: SigningKey): Promise<MeshTokens> {
  const own = await importJWK(privateJwk, 'EdDSA');
  const { privateKey: foreign } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  const bearer = async (change: Change = {}): Promise<string> => {
    const token = await new SignJWT({ roles: [] })
      .setProtectedHeader({ alg: 'EdDSA', kid })
      .setSubject('ada')
      .setIssuer(change.issuer ?? tokenIssuer)
      .setAudience(change.audience ?? tokenAudience)
      .setIssuedAt()
      .setExpirationTime(change.expires ?? '1h')
      .sign(change.key ?? own);
    return `Bearer ${token}`;
  };
  return {
    good: await bearer(),
    // Beyond the minute that Envoy grants to clocks that differ.
    expired: await bearer({ expires: '-10m' }),
    wrongIssuer: await bearer({ issuer: 'https://somebody.else' }),
    wrongAudience: await bearer({ audience: 'another-shop' }),
    wrongKey: await bearer({ key: foreign }),
  };
}

interface Change {
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string;
  readonly key?: Awaited<ReturnType<typeof importJWK>>;
}
