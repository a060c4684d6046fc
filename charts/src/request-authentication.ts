import type { IRequestAuthentication } from '@kubernetes-models/istio/security.istio.io/v1/RequestAuthentication';
import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { namespaces, workloadNamed } from './topology.ts';

/**
 * How the gateway checks tokens. Not among the manifests: the keys belong to the installation, and applying the manifests again must not bring
 * back old ones. Applied at install and with each exchange of keys; without it nobody with a token gets in, because no token is known to be good.
 */
export function requestAuthentication(jwks: { readonly keys: readonly object[] }): IRequestAuthentication {
  const { name } = workloadNamed('gateway');
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name: 'tokens', namespace: namespaces.gateway },
    spec: {
      selector: { matchLabels: { app: name } },
      jwtRules: [
        {
          issuer: tokenIssuer,
          audiences: [tokenAudience],
          jwks: JSON.stringify(jwks),
          // By default also `?access_token=`, and addresses end in logs.
          fromHeaders: [{ name: 'Authorization', prefix: 'Bearer ' }],
          // The services verify it again.
          forwardOriginalToken: true,
        },
      ],
    },
  };
}

/** The same keys for the services, which read them as a file. */
export function jwksConfigMap(jwks: { readonly keys: readonly object[] }) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'jwks',
      namespace: namespaces.shop,
      labels: { 'app.kubernetes.io/part-of': 'sagamesh' },
    },
    data: { 'jwks.json': `${JSON.stringify(jwks, null, 2)}\n` },
  };
}
