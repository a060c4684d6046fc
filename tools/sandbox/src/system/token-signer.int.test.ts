import { readFileSync, statSync } from 'node:fs';
import { addNextKey, promoteNextKey, publicJwks } from '@sagamesh/contracts/signing-keys';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DataDir } from '../data-dir.ts';
import { newSigningKey } from '../new-signing-key.ts';
import { openTokenSigner } from './token-signer.ts';

let dataDir: DataDir;
beforeEach(async () => {
  dataDir = await DataDir.temporary();
});
afterEach(() => dataDir.close({ remove: true }));

const published = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const verify = (token: string, jwksFile: string) =>
  jwtVerify(token, createLocalJWKSet(published(jwksFile)), {
    issuer: tokenIssuer,
    audience: tokenAudience,
  });

it('signs what the published keys verify, before and after an exchange of the keys', async () => {
  const signer = await openTokenSigner(dataDir);
  const before = await signer.token({ customerId: 'ada', roles: ['admin'] });
  signer.store(promoteNextKey(addNextKey(signer.keys(), newSigningKey(Date.now())), Date.now()));
  const after = await signer.token({ customerId: 'ada' });
  const [old, fresh] = await Promise.all([before, after].map((token) => verify(token, signer.jwksFile)));
  expect(old?.payload).toMatchObject({ sub: 'ada', roles: ['admin'] });
  expect([old?.protectedHeader.kid, fresh?.protectedHeader.kid]).toEqual(
    signer.keys().keys.map(({ kid }) => kid),
  );
});

it('keeps its keys for the next start, and the secret halves for this user alone', async () => {
  const signer = await openTokenSigner(dataDir);
  const token = await signer.token({ customerId: 'ada' });
  const again = await openTokenSigner(dataDir);
  expect(again.keys()).toEqual(signer.keys());
  await expect(verify(token, again.jwksFile)).resolves.toMatchObject({ payload: { sub: 'ada' } });
  expect(statSync(again.keysFile).mode & 0o777).toBe(0o600);
  expect(published(again.jwksFile)).toEqual(publicJwks(again.keys()));
});
