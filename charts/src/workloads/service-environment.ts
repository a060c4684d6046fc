import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import type { k8s } from 'cdk8s-plus-27';
import type { Mount } from '../constructs/mesh-service.ts';
import { databaseSecret, type Environment } from '../environment.ts';
import { projectVersion } from '../images.ts';
import { fromSecret } from '../pod.ts';
import {
  hostOf,
  ports,
  workloadNamed,
  type ServiceName,
  type StoreName,
  type WorkloadName,
} from '../topology.ts';

/** What each process reads from its environment (docs/operations.md), and the files it is given. Secrets are named here and made elsewhere. */

export interface ProcessSettings {
  readonly env: readonly k8s.EnvVar[];
  readonly mounts: readonly Mount[];
}

/** Longer than the longest rotation needs, and below the longest that a person waits. The mesh cuts later than the client itself does. */
export const paymentTimeoutMillis = 5_000;

const jwksFolder = '/etc/sagamesh/jwks';
const signingKeysFolder = '/etc/sagamesh/signing-keys';

export function serviceSettings(name: ServiceName, environment: Environment): ProcessSettings {
  const settings: Readonly<Record<ServiceName, () => ProcessSettings>> = {
    order: () => together(database('order'), tokens(), seed(environment)),
    inventory: () => together(database('inventory'), tokens(), seed(environment)),
    payment: () => together(database('payment'), tokens(), paymentProvider(environment)),
    notification: () => channels(environment),
    user: () => together(database('user'), tokens(), signing()),
  };
  // Streams are the operator's to make: the server refuses it to everybody else.
  const waits = onlyEnv({ name: 'NATS_MAKE_STREAMS', value: 'off' });
  return together(common(name, environment), waits, settings[name]());
}

/** Of every client of the broker. */
export function common(name: WorkloadName, environment: Environment): ProcessSettings {
  const secret = `${name}-nats`;
  return onlyEnv(
    { name: 'SERVICE_VERSION', value: projectVersion },
    { name: 'NATS_URL', value: `nats://${hostOf(workloadNamed('nats'))}:${ports.nats.number}` },
    { name: 'NATS_REPLICAS', value: String(environment.nats.replicas) },
    fromSecret('NATS_USER', secret, 'user'),
    fromSecret('NATS_PASSWORD', secret, 'password'),
  );
}

function database(store: StoreName): ProcessSettings {
  return onlyEnv(fromSecret('DATABASE_URL', databaseSecret(store), 'url'));
}

/** Public keys only. The pod waits until the ConfigMap is there: it is made at install and exchanged by rotations, not by these manifests. */
function tokens(): ProcessSettings {
  return {
    env: [
      { name: 'JWKS_FILE', value: `${jwksFolder}/jwks.json` },
      { name: 'JWT_ISSUER', value: tokenIssuer },
      { name: 'JWT_AUDIENCE', value: tokenAudience },
    ],
    mounts: [{ path: jwksFolder, volume: { name: 'jwks', configMap: { name: 'jwks' } } }],
  };
}

function seed({ seed: on }: Environment): ProcessSettings {
  return onlyEnv({ name: 'SEED', value: on ? 'on' : 'off' });
}

function paymentProvider({ paymentProviderUrl }: Environment): ProcessSettings {
  return onlyEnv(
    { name: 'PAYMENT_PROVIDER_URL', value: paymentProviderUrl },
    fromSecret('PAYMENT_PROVIDER_KEY', 'payment-provider', 'key'),
    { name: 'PAYMENT_TIMEOUT_MILLIS', value: String(paymentTimeoutMillis) },
  );
}

function channels({ channels: given, mailFrom }: Environment): ProcessSettings {
  const from = { name: 'MAIL_FROM', value: mailFrom };
  if (given.kind === 'plain') {
    const { smtpUrl, smsWebhookUrl } = given;
    return onlyEnv(
      from,
      { name: 'SMTP_URL', value: smtpUrl },
      { name: 'SMS_WEBHOOK_URL', value: smsWebhookUrl },
    );
  }
  return onlyEnv(
    from,
    fromSecret('SMTP_URL', given.secretName, 'smtp-url'),
    optionalSecret('SMS_WEBHOOK_URL', given.secretName, 'sms-webhook-url'),
  );
}

function signing(): ProcessSettings {
  return {
    env: [
      { name: 'SIGNING_KEYS_FILE', value: `${signingKeysFolder}/keys.json` },
      // The first administrator, where somebody wants one.
      optionalSecret('ADMIN_EMAIL', 'user-admin', 'email'),
      optionalSecret('ADMIN_PASSWORD', 'user-admin', 'password'),
    ],
    mounts: [
      {
        path: signingKeysFolder,
        volume: { name: 'signing-keys', secret: { secretName: 'user-signing-keys', defaultMode: 0o440 } },
      },
    ],
  };
}

function optionalSecret(variable: string, secretName: string, key: string): k8s.EnvVar {
  return { name: variable, valueFrom: { secretKeyRef: { name: secretName, key, optional: true } } };
}

function onlyEnv(...env: readonly k8s.EnvVar[]): ProcessSettings {
  return { env, mounts: [] };
}

export function together(...parts: readonly ProcessSettings[]): ProcessSettings {
  return { env: parts.flatMap(({ env }) => env), mounts: parts.flatMap(({ mounts }) => mounts) };
}
