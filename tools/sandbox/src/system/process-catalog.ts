import { operatorClient } from '@sagamesh/contracts/broker-access';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { natsEnvironment } from '../nats-users.ts';
import type { NatsLogin } from '../nats-users.ts';

/** SagaMesh's own processes: what each needs to know of the others. Pure data, from addresses and ports to environments. */

export const serviceNames = ['order', 'inventory', 'payment', 'notification', 'user'] as const;
export type ServiceName = (typeof serviceNames)[number];

export const helperNames = ['payment-provider', 'smtp-sink', 'sms-sink'] as const;
export type HelperName = (typeof helperNames)[number];

/** `operator`, `operator-2`, ...: they share one Lease. */
export type OperatorName = 'operator' | `operator-${number}`;
export type ProcessName = ServiceName | HelperName | OperatorName;

export interface SystemAddresses {
  readonly natsLogin: (user: string) => NatsLogin;
  readonly operatorKubeconfig: string;
  readonly jwksFile: string;
  readonly signingKeysFile: string;
  readonly databaseUrl: (service: ServiceName) => string;
  readonly file: (name: string) => string;
  /** HTTP port of each process; `smtp` is the mail sink's other one. */
  readonly port: (name: ProcessName | 'smtp') => number;
}

export interface ProcessDefinition {
  readonly name: ProcessName;
  /** `dist/<bundle>.mjs` */
  readonly bundle: string;
  readonly env: Readonly<Record<string, string>>;
  /** Path that answers 200 once it does its work. */
  readonly readyPath: string;
}

const providerKey = 'sk_test_sandbox';

/** The administrator of the sandbox, which only this machine can reach. */
export const sandboxAdmin = { email: 'admin@shop.example', password: 'admin-of-the-sandbox' } as const;

export type ExtraEnvironment = Readonly<Partial<Record<ProcessName, Readonly<Record<string, string>>>>>;

export function defineProcesses(
  addresses: SystemAddresses,
  options: { readonly operators: number; readonly extraEnv?: ExtraEnvironment },
): readonly ProcessDefinition[] {
  const operators = Array.from({ length: options.operators }, (_, index): OperatorName =>
    index === 0 ? 'operator' : `operator-${index + 1}`,
  );
  const names: readonly ProcessName[] = [...helperNames, ...serviceNames, ...operators];
  return names.map((name) => ({
    name,
    bundle: isOperator(name) ? 'operator' : name,
    env: {
      HOST: '127.0.0.1',
      PORT: String(addresses.port(name)),
      ...environmentOf(name, addresses),
      ...options.extraEnv?.[name],
    },
    readyPath: isHelper(name) ? helperReadyPaths[name] : '/readyz',
  }));
}

const helperReadyPaths: Readonly<Record<HelperName, string>> = {
  'payment-provider': '/healthz',
  'smtp-sink': '/mails',
  'sms-sink': '/messages',
};

function isHelper(name: ProcessName): name is HelperName {
  return (helperNames as readonly string[]).includes(name);
}

function isOperator(name: ProcessName): name is OperatorName {
  return name === 'operator' || name.startsWith('operator-');
}

function environmentOf(name: ProcessName, addresses: SystemAddresses): Readonly<Record<string, string>> {
  // Streams are the operator's to make: the server refuses it to everybody else.
  const broker = () => ({ ...natsEnvironment(addresses.natsLogin(name)), NATS_MAKE_STREAMS: 'off' });
  const tokens = { JWKS_FILE: addresses.jwksFile };
  if (isOperator(name)) {
    return {
      ...natsEnvironment(addresses.natsLogin(operatorClient)),
      KUBECONFIG: addresses.operatorKubeconfig,
      POD_NAME: name,
      POD_NAMESPACE: 'sagamesh-system',
      INTAKE_NAMESPACE: 'shop',
      // One machine, one operator's worth of load: the API server is the limit here, not fairness among clients.
      KUBE_API_QPS: '1000',
      KUBE_API_BURST: '1000',
    };
  }
  switch (name) {
    case 'payment-provider':
      return { PAYMENT_PROVIDER_FILE: addresses.file('provider.jsonl'), PAYMENT_PROVIDER_KEY: providerKey };
    case 'smtp-sink':
      return { SMTP_PORT: String(addresses.port('smtp')), SINK_FILE: addresses.file('mails.jsonl') };
    case 'sms-sink':
      return { SINK_FILE: addresses.file('sms.jsonl') };
    case 'order':
    case 'inventory':
      return { ...broker(), ...tokens, DATABASE_URL: addresses.databaseUrl(name) };
    case 'payment':
      return {
        ...broker(),
        ...tokens,
        DATABASE_URL: addresses.databaseUrl(name),
        PAYMENT_PROVIDER_URL: `http://127.0.0.1:${addresses.port('payment-provider')}`,
        PAYMENT_PROVIDER_KEY: providerKey,
      };
    case 'user':
      return {
        ...broker(),
        ...tokens,
        DATABASE_URL: addresses.databaseUrl(name),
        SIGNING_KEYS_FILE: addresses.signingKeysFile,
        ADMIN_EMAIL: sandboxAdmin.email,
        ADMIN_PASSWORD: sandboxAdmin.password,
      };
    case 'notification':
      return {
        ...broker(),
        SMTP_URL: `smtp://127.0.0.1:${addresses.port('smtp')}`,
        MAIL_FROM: 'orders@shop.example',
        SMS_WEBHOOK_URL: `http://127.0.0.1:${addresses.port('sms-sink')}/messages`,
      };
    default:
      return unreachable(name);
  }
}
