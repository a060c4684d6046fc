import type { IGateway } from '@kubernetes-models/istio/networking.istio.io/v1/Gateway';
import type { IVirtualService } from '@kubernetes-models/istio/networking.istio.io/v1/VirtualService';
import type { IAuthorizationPolicy } from '@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy';
import { tokenIssuer } from '@sagamesh/contracts/tokens';
import { gatewayRoutes, rateLimits, type GatewayRoute, type RateLimitName } from '@sagamesh/gateway/routes';
import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { Environment } from '../environment.ts';
import { duration } from '../duration.ts';
import { addObject } from '../kube-object.ts';
import { pathsOf } from '../mesh-rules.ts';
import type { NetworkSurroundings } from '../network-rules.ts';
import { containerPorts, containerSecurityContext, labelsOf, resourcesOf, spread } from '../pod.ts';
import { hostOf, ports, workloadNamed, type Workload } from '../topology.ts';
import { GatewayManners } from './gateway-manners.ts';
import { RateLimit } from './rate-limit.ts';
import { WorkloadFrame } from './workload-frame.ts';

export interface GatewayProps {
  readonly workload: Workload;
  readonly surroundings: NetworkSurroundings;
  readonly settings: NonNullable<Environment['gateway']>;
  readonly resources: Environment['resources']['gateway'];
}

const gatewayName = 'public';

/** The one door: what is on the route table passes, with a token where the table says so; anything else is refused. */
export class Gateway extends Construct {
  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id);
    const { workload, surroundings, settings } = props;
    const { namespace } = workload;
    const selector = { app: workload.name };
    // One process: the buckets of the rate limits are in its memory.
    new WorkloadFrame(this, 'frame', { workload, surroundings, replicas: 1, service: false });
    new k8s.KubeService(this, 'service', {
      metadata: { name: workload.name, namespace, labels: labelsOf(workload) },
      spec: { type: settings.service.type, selector, ports: servicePorts(settings.service) },
    });
    // Before the proxy: what istiod has refused once, it goes on refusing to that proxy.
    addCertificateRights(this, workload);
    addDeployment(this, props);
    addObject(this, publicGateway(props));
    for (const limit of apiNames()) addObject(this, virtualService(limit, props));
    addObject(this, publicPolicy(workload));
    new RateLimit(this, 'rate-limit', { namespace, selector });
    new GatewayManners(this, 'manners', { namespace, selector });
  }
}

function apiNames(): readonly RateLimitName[] {
  return [...new Set(gatewayRoutes.map(({ limit }) => limit))];
}

function servicePorts(service: GatewayProps['settings']['service']): k8s.ServicePort[] {
  const port = (outside: number, inside: { name: string; number: number }, nodePort: number | undefined) => ({
    name: inside.name,
    port: outside,
    targetPort: k8s.IntOrString.fromNumber(inside.number),
    protocol: 'TCP',
    ...(nodePort !== undefined && { nodePort }),
  });
  const [http, https] = service.type === 'NodePort' ? [service.http, service.https] : [undefined, undefined];
  return [port(80, ports.gatewayHttp, http), port(443, ports.gatewayHttps, https)];
}

/** Envoy and its agent, put in place of `auto` by Istio's injector (template `gateway`). */
function addDeployment(scope: Construct, { workload, resources }: GatewayProps): void {
  const { name, namespace } = workload;
  const labels = labelsOf(workload);
  const healthy = {
    httpGet: { path: '/healthz/ready', port: k8s.IntOrString.fromNumber(15_021) },
    timeoutSeconds: 3,
  };
  new k8s.KubeDeployment(scope, 'deployment', {
    metadata: { name, namespace, labels },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      selector: { matchLabels: { app: name } },
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: {
          maxUnavailable: k8s.IntOrString.fromNumber(0),
          maxSurge: k8s.IntOrString.fromNumber(1),
        },
      },
      template: {
        metadata: {
          labels: { ...labels, 'sidecar.istio.io/inject': 'true' },
          annotations: { 'inject.istio.io/templates': 'gateway' },
        },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 30,
          // The injector gives it the user of the mesh's proxies.
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          ...spread(name),
          containers: [
            {
              name: 'istio-proxy',
              image: 'auto',
              imagePullPolicy: 'IfNotPresent',
              ports: containerPorts(workload.ports),
              resources: resourcesOf(resources),
              securityContext: containerSecurityContext(),
              startupProbe: { ...healthy, periodSeconds: 1, failureThreshold: 60 },
              readinessProbe: { ...healthy, periodSeconds: 5, failureThreshold: 3 },
              livenessProbe: { ...healthy, periodSeconds: 10, failureThreshold: 6 },
            },
          ],
        },
      },
    },
  });
}

/** istiod hands a certificate only to a proxy whose ServiceAccount may list the Secrets beside it; the proxy itself never asks the API server. */
function addCertificateRights(scope: Construct, workload: Workload): void {
  const { name, namespace } = workload;
  const metadata = { name: 'gateway-certificates', namespace, labels: labelsOf(workload) };
  new k8s.KubeRole(scope, 'certificates', {
    metadata,
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }],
  });
  new k8s.KubeRoleBinding(scope, 'certificates-binding', {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
}

function publicGateway({ workload, settings }: GatewayProps): IGateway {
  const hosts = [...settings.hosts];
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: gatewayName, namespace: workload.namespace },
    spec: {
      // Looked for in all namespaces: another team may have an app of this name.
      selector: { app: workload.name, 'app.kubernetes.io/part-of': 'sagamesh' },
      servers: [
        {
          port: { number: 80, name: 'http', protocol: 'HTTP' },
          hosts,
          ...(settings.plainHttp === 'redirect' && { tls: { httpsRedirect: true } }),
        },
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          hosts,
          tls: { mode: 'SIMPLE', credentialName: 'gateway-tls', minProtocolVersion: 'TLSV1_2' },
        },
      ],
    },
  };
}

function virtualService(limit: RateLimitName, { workload, settings }: GatewayProps): IVirtualService {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: rateLimits[limit].name, namespace: workload.namespace },
    spec: {
      hosts: [...settings.hosts],
      gateways: [`${workload.namespace}/${gatewayName}`],
      http: gatewayRoutes.filter((route) => route.limit === limit).map(httpRoute),
    },
  };
}

type HttpRoute = NonNullable<NonNullable<IVirtualService['spec']>['http']>[number];

function httpRoute(route: GatewayRoute): HttpRoute {
  const [exact, ...below] = pathsOf(route.path);
  const uris = [{ exact: exact ?? '' }, ...below.map((path) => ({ prefix: path.replace(/\*$/, '') }))];
  return {
    name: route.name,
    match: uris.flatMap((uri) => route.methods.map((method) => ({ uri, method: { exact: method } }))),
    route: [
      { destination: { host: hostOf(workloadNamed(route.service)), port: { number: ports.http.number } } },
    ],
    timeout: duration(route.timeoutMillis),
    retries: retriesOf(route),
  };
}

/** Unset would mean two. The one layer that retries on this hop is this one, and only for what changes nothing. */
function retriesOf(route: GatewayRoute): NonNullable<HttpRoute['retries']> {
  if (route.retry === 'never') return { attempts: 0 };
  return {
    attempts: 2,
    perTryTimeout: duration(Math.floor(route.timeoutMillis / 3)),
    retryOn: 'gateway-error,connect-failure,refused-stream,reset',
    backoff: '50ms',
  };
}

/** Who has no token, or asks for what is not on the table, gets no further than here. */
function publicPolicy({ name, namespace }: Workload): IAuthorizationPolicy {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'public-api', namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      rules: gatewayRoutes.map(({ methods, path, access }) => ({
        ...(access === 'token' && { from: [{ source: { requestPrincipals: [`${tokenIssuer}/*`] } }] }),
        to: [{ operation: { methods: [...methods], paths: pathsOf(path) } }],
      })),
    },
  };
}
