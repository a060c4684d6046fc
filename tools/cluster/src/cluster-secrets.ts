import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import { passwordVariable } from '@sagamesh/contracts/nats-authorization';
import { namespaces } from '@sagamesh/charts/topology';

/**
 * The Secrets that the manifests name and nobody may commit. Each is made once; what exists is never overwritten, and what one Secret says of
 * another is taken from there. Pure: passwords and keys come from the caller.
 */

export interface SecretContent {
  readonly namespace: string;
  readonly name: string;
  readonly type: 'Opaque' | 'kubernetes.io/tls';
  readonly data: Readonly<Record<string, string>>;
}

/** Makes what nobody may guess. Passwords begin with a letter and have letters and digits only: they stand in URLs and in NATS's configuration. */
export interface SecretMakers {
  readonly password: () => string;
  readonly certificate: () => { readonly certificate: string; readonly privateKey: string };
  readonly signingKeys: () => string;
}

/** By `namespace/name`. */
export type ExistingSecrets = ReadonlyMap<string, Readonly<Record<string, string>>>;

export interface SecretsPlan {
  readonly create: readonly SecretContent[];
  /** Secrets that are there without keys that are new, with those keys alone. */
  readonly complete: readonly SecretContent[];
  /** Secrets that cannot be used and are not ours to change. */
  readonly problems: readonly string[];
}

export const signingKeysSecret = {
  namespace: namespaces.shop,
  name: 'user-signing-keys',
  key: 'keys.json',
} as const;

const natsUsersName = 'nats-users';
const operatorClient = 'operator';
const storeNames = ['order', 'inventory', 'payment', 'user'] as const;

export function planSecrets(
  existing: ExistingSecrets,
  brokerClients: readonly string[],
  make: SecretMakers,
): SecretsPlan {
  const opaque = (namespace: string, name: string, data: Record<string, string>): SecretContent => ({
    namespace,
    name,
    type: 'Opaque',
    data,
  });
  const found = (namespace: string, name: string) => existing.get(`${namespace}/${name}`) ?? {};
  const passwords = new Map(brokerClients.map((client) => [client, natsPassword(client, existing, make)]));
  const wanted: SecretContent[] = [
    ...storeNames.map((store) => {
      const password = found(namespaces.shop, `${store}-db`)['password'] ?? make.password();
      const host = `${store}-db.${namespaces.shop}.svc.cluster.local`;
      const url = `postgres://${store}:${password}@${host}:5432/${store}`;
      return opaque(namespaces.shop, `${store}-db`, { username: store, password, url });
    }),
    opaque(
      namespaces.shop,
      natsUsersName,
      Object.fromEntries([...passwords].map(([client, password]) => [passwordVariable(client), password])),
    ),
    ...[...passwords]
      .filter(([client]) => client !== 'admin')
      .map(([client, password]) => {
        const { namespace, name } = natsSecretOf(client);
        return opaque(namespace, name, { user: client, password });
      }),
    opaque(namespaces.shop, 'user-admin', { email: 'admin@shop.example', password: make.password() }),
    opaque(namespaces.shop, 'payment-provider', { key: `sk_test_${make.password()}` }),
  ];
  if (!existing.has(keyOf(signingKeysSecret))) {
    const { namespace, name, key } = signingKeysSecret;
    wanted.push(opaque(namespace, name, { [key]: make.signingKeys() }));
  }
  if (!existing.has(`${namespaces.gateway}/gateway-tls`)) {
    const { certificate, privateKey } = make.certificate();
    const data = { 'tls.crt': certificate, 'tls.key': privateKey };
    wanted.push({ namespace: namespaces.gateway, name: 'gateway-tls', type: 'kubernetes.io/tls', data });
  }
  return compare(existing, wanted);
}

function compare(existing: ExistingSecrets, wanted: readonly SecretContent[]): SecretsPlan {
  const create: SecretContent[] = [];
  const complete: SecretContent[] = [];
  const problems: string[] = [];
  for (const secret of wanted) {
    const there = existing.get(keyOf(secret));
    const missing = Object.entries(secret.data).filter(([key]) => there?.[key] === undefined);
    if (there === undefined) create.push(secret);
    // A database keeps the password that it was made with: another one would not open it.
    else if (secret.name.endsWith('-db') && missing.some(([key]) => key === 'password')) {
      problems.push(`Secret ${keyOf(secret)} has no key password`);
    } else if (missing.length > 0) complete.push({ ...secret, data: Object.fromEntries(missing) });
  }
  return { create, complete, problems };
}

/** The server's Secret and the client's must say the same, whichever of them is left. */
function natsPassword(client: string, existing: ExistingSecrets, make: SecretMakers): string {
  const atServer = existing.get(`${namespaces.shop}/${natsUsersName}`)?.[passwordVariable(client)];
  return atServer ?? existing.get(keyOf(natsSecretOf(client)))?.['password'] ?? make.password();
}

function natsSecretOf(client: string): { readonly namespace: string; readonly name: string } {
  return client === operatorClient
    ? { namespace: operatorIdentity.namespace, name: `${operatorIdentity.serviceAccount}-nats` }
    : { namespace: namespaces.shop, name: `${client}-nats` };
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** As the API server wants it; `labels` let `make uninstall` tell ours from those of the site. */
export function secretObject({ namespace, name, type, data }: SecretContent): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, labels: ownLabels },
    type,
    stringData: data,
  };
}

export const ownLabels = {
  'app.kubernetes.io/part-of': 'sagamesh',
  'app.kubernetes.io/managed-by': 'sagamesh-kind-up',
} as const;
