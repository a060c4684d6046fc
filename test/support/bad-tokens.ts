import { signingKeyOf } from '@sagamesh/contracts/signing-keys';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import type { System } from '@sagamesh/sandbox/system/system';
import { SignJWT, generateKeyPair } from 'jose';
import type { BadRequest } from './bad-requests.ts';

export type Callers = Readonly<Record<NonNullable<BadRequest['as']>, Readonly<Record<string, string>>>>;

/** The Authorization header of each kind of caller. */
export async function callers({ tokens }: Pick<System, 'tokens'>): Promise<Callers> {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  return {
    customer: bearer(await tokens.token({ customerId: 'ada' })),
    admin: bearer(await tokens.token({ customerId: 'root', roles: ['admin'] })),
    nobody: {},
    forger: bearer(await forgedToken(signingKeyOf(tokens.keys()).kid)),
    expired: bearer(await tokens.token({ customerId: 'ada', roles: ['admin'], expiresIn: '-1h' })),
    garbage: bearer('not.a.token'),
  };
}

/** Right in everything, the key id included, but for the key. */
async function forgedToken(kid: string): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA');
  return new SignJWT({ roles: ['admin'] })
    .setProtectedHeader({ alg: 'EdDSA', kid })
    .setSubject('ada')
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
}
