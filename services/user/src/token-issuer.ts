import { signingAlgorithm, signingKeyOf, type SigningKeys } from '@sagamesh/contracts/signing-keys';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { importJWK, SignJWT } from 'jose';

export interface Subject {
  readonly id: string;
  readonly roles: readonly string[];
}

/** A JWT of `subject`, signed with the key whose turn it is. It holds no name and no address: it passes through many hands. */
export async function issueToken(keys: SigningKeys, subject: Subject, ttlSeconds: number): Promise<string> {
  const { kid, privateJwk } = signingKeyOf(keys);
  return new SignJWT({ roles: [...subject.roles] })
    .setProtectedHeader({ alg: signingAlgorithm, kid })
    .setSubject(subject.id)
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setIssuedAt()
    .setExpirationTime(`${ttlSeconds}s`)
    .sign(await importJWK(privateJwk, signingAlgorithm));
}
