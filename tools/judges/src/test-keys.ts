import { generateKeyPairSync } from 'node:crypto';
import { jwksConfigMap, requestAuthentication } from '@sagamesh/charts/request-authentication';
import type { ManifestObject, ManifestSet } from './manifest-object.ts';

/** What is applied at install and holds keys, so that it is in no file: rendered here with a key of the moment. */
export function withTestKeys(set: ManifestSet): ManifestSet {
  const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  const jwks = { keys: [{ ...jwk, kid: 'test', alg: 'EdDSA', use: 'sig' }] };
  const namespaces = new Set(set.objects.map(({ metadata }) => metadata.namespace));
  const rendered = [named(requestAuthentication(jwks)), jwksConfigMap(jwks)];
  const wanted = rendered.filter(({ metadata }) => namespaces.has(metadata.namespace));
  return { ...set, objects: [...set.objects, ...wanted] };
}

/** The types of Istio's objects leave even the name open. */
function named(object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}): ManifestObject {
  const { name = '', namespace = '' } = object.metadata ?? {};
  return { ...object, metadata: { ...object.metadata, name, namespace } };
}
