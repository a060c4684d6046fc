import { RequestAuthentication } from '@kubernetes-models/istio/security.istio.io/v1/RequestAuthentication';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { describe, expect, it } from 'vitest';
import { jwksConfigMap, requestAuthentication } from './request-authentication.ts';
import { environmentNames, synthesize } from './synthesize.ts';

const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'abc', kid: 'one' }] };

describe('what is made of the keys', () => {
  it("is Istio's way to check tokens, for the gateway alone, with the keys in it", () => {
    const object = requestAuthentication(jwks);
    new RequestAuthentication(object).validate();
    expect(object.metadata).toEqual({ name: 'tokens', namespace: 'sagamesh-gateway' });
    expect(object.spec?.selector).toEqual({ matchLabels: { app: 'gateway' } });
    expect(object.spec?.jwtRules).toEqual([
      {
        issuer: tokenIssuer,
        audiences: [tokenAudience],
        jwks: JSON.stringify(jwks),
        fromHeaders: [{ name: 'Authorization', prefix: 'Bearer ' }],
        forwardOriginalToken: true,
      },
    ]);
  });

  it('is a file for the services', () => {
    expect(JSON.parse(jwksConfigMap(jwks).data['jwks.json'])).toEqual(jwks);
  });

  it.each(environmentNames)('is never among the manifests: applying %s again keeps the keys', (name) => {
    const objects = synthesize(name).flatMap((file) => file.objects);
    expect(objects.filter(({ kind }) => kind === 'RequestAuthentication')).toEqual([]);
    expect(objects.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'jwks')).toEqual(
      [],
    );
  });
});
