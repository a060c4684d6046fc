import { tokenAudience, tokenIssuer } from '@sagamesh/contracts/tokens';
import { connectionManagerSettings } from '@sagamesh/gateway/connection-manager';
import { correlationFilter, correlationIdExpression } from '@sagamesh/gateway/correlation';
import type { EnvoyJson, Extension, TypedConfig } from '@sagamesh/gateway/envoy-json';
import { localRateLimitFilter } from '@sagamesh/gateway/rate-limit';
import { gatewayRoutes } from '@sagamesh/gateway/routes';
import type { GatewayRoute } from '@sagamesh/gateway/routes';
import { dirname } from 'node:path';

/**
 * The gateway of a machine without a cluster: Envoy's whole configuration, from the route table and the fragments that the charts use, too.
 * Pure: ports, files and keys go in, JSON comes out.
 */

export interface GatewayAddresses {
  readonly port: number;
  /** Of Envoy's own interface: readiness and statistics. */
  readonly adminPort: number;
  readonly servicePorts: Readonly<Record<GatewayRoute['service'], number>>;
  /** Holds `gatewayListeners`. Envoy takes over what is renamed onto it, and goes on as before when it cannot use that. */
  readonly listenersFile: string;
}

const loopback = '127.0.0.1';

export function gatewayConfig({
  adminPort,
  servicePorts,
  listenersFile,
}: Omit<GatewayAddresses, 'port'>): EnvoyJson {
  return {
    // Envoy insists on names before it reads listeners from elsewhere.
    node: { id: 'gateway', cluster: 'sandbox' },
    admin: { address: socket(adminPort) },
    static_resources: {
      clusters: [cluster('order', servicePorts.order), cluster('user', servicePorts.user)],
    },
    dynamic_resources: {
      lds_config: {
        resource_api_version: 'V3',
        path_config_source: {
          path: listenersFile,
          watched_directory: { path: dirname(listenersFile) },
        },
      },
    },
  };
}

/** `jwks`: the text of the key set that tokens are verified with. Envoy reads a file of keys only once, so they stand in here. */
export function gatewayListeners({ port }: Pick<GatewayAddresses, 'port'>, jwks: string): EnvoyJson {
  const listener: TypedConfig = {
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'gateway',
    address: socket(port),
    filter_chains: [{ filters: [connectionManager(jwks)] }],
  };
  return { resources: [listener] };
}

function socket(port: number): EnvoyJson {
  return { socket_address: { address: loopback, port_value: port } };
}

function connectionManager(jwks: string): EnvoyJson {
  return extension('envoy.filters.network.http_connection_manager', hcmType, {
    stat_prefix: 'gateway',
    use_remote_address: true,
    // Nobody is inside (an address for documentation: without any, Envoy takes all private ones).
    internal_address_config: { cidr_ranges: [{ address_prefix: '192.0.2.0', prefix_len: 32 }] },
    ...connectionManagerSettings(),
    stream_idle_timeout: '60s',
    request_headers_timeout: '10s',
    access_log: [accessLog()],
    http_filters: [
      correlationFilter(),
      tokenFilter(jwks),
      localRateLimitFilter(),
      extension('envoy.filters.http.router', `${filters}.http.router.v3.Router`, {}),
    ],
    route_config: {
      name: 'gateway',
      virtual_hosts: [{ name: 'api', domains: ['*'], routes: gatewayRoutes.map(toRoute) }],
    },
  });
}

const filters = 'envoy.extensions.filters';
const hcmType = `${filters}.network.http_connection_manager.v3.HttpConnectionManager`;

function extension(name: string, type: string, config: Readonly<Record<string, EnvoyJson>>): Extension {
  return { name, typed_config: { '@type': `type.googleapis.com/${type}`, ...config } };
}

const jwtFilterName = 'envoy.filters.http.jwt_authn';

/** 401 without a valid token, 403 with one that is for somebody else. The service gets the token, too, and verifies it again. */
function tokenFilter(jwks: string): Extension {
  return extension(jwtFilterName, `${filters}.http.jwt_authn.v3.JwtAuthentication`, {
    providers: {
      users: {
        issuer: tokenIssuer,
        audiences: [tokenAudience],
        // By default also `?access_token=`, and addresses end in logs.
        from_headers: [{ name: 'Authorization', value_prefix: 'Bearer ' }],
        forward: true,
        clock_skew_seconds: 5,
        local_jwks: { inline_string: jwks },
      },
    },
    requirement_map: { token: { provider_name: 'users' } },
  });
}

function toRoute(route: GatewayRoute): EnvoyJson {
  const { name, path, methods, access, service, timeoutMillis, retry } = route;
  const perRoute = `${filters}.http.jwt_authn.v3.PerRouteConfig`;
  return {
    name,
    match: {
      ...('exact' in path ? { path: path.exact } : { path_separated_prefix: path.prefix }),
      headers: [{ name: ':method', string_match: { safe_regex: { regex: methods.join('|') } } }],
    },
    route: {
      cluster: service,
      timeout: `${timeoutMillis / 1_000}s`,
      // Without a policy Envoy sends a request once.
      ...(retry === 'reads' ? { retry_policy: readsPolicy } : {}),
    },
    typed_per_filter_config: {
      [jwtFilterName]: {
        '@type': `type.googleapis.com/${perRoute}`,
        ...(access === 'token' ? { requirement_name: 'token' } : { disabled: true }),
      },
    },
  };
}

const readsPolicy: EnvoyJson = {
  retry_on: 'gateway-error,connect-failure,refused-stream,reset',
  num_retries: 2,
};

/**
 * A circuit breaker like that of the charts, but wider, because nobody shares this machine with us, and with a short pause for an ejected service:
 * here people restart one and want it back.
 */
function cluster(name: GatewayRoute['service'], port: number): EnvoyJson {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }],
    },
    // Before the service ends an idle connection: a POST that meets one just ended fails, because it is not sent again.
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        common_http_protocol_options: { idle_timeout: '60s' },
        explicit_http_config: { http_protocol_options: {} },
      },
    },
    circuit_breakers: {
      thresholds: [
        // A full bucket of requests may come at once, and until there are connections all of them are pending.
        { max_connections: 100, max_pending_requests: 200, max_requests: 200, max_retries: 3 },
      ],
    },
    // A single host: ejecting it is the open circuit, which answers 503 at once.
    outlier_detection: {
      consecutive_5xx: 5,
      consecutive_gateway_failure: 3,
      enforcing_consecutive_gateway_failure: 100,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 3,
      interval: '1s',
      base_ejection_time: '5s',
      max_ejection_percent: 100,
      success_rate_minimum_hosts: 1_000,
    },
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
  };
}

/** One line per request, like those of the services. */
function accessLog(): EnvoyJson {
  return extension(
    'envoy.access_loggers.stdout',
    'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
    {
      log_format: {
        json_format: {
          name: 'gateway',
          time: '%START_TIME%',
          msg: 'request',
          method: '%REQ(:method)%',
          route: '%ROUTE_NAME%',
          path: '%PATH(NQ)%',
          status: '%RESPONSE_CODE%',
          durationMillis: '%DURATION%',
          // Why, when Envoy itself answered or cut it: https://www.envoyproxy.io/docs (RESPONSE_FLAGS)
          flags: '%RESPONSE_FLAGS%',
          correlationId: correlationIdExpression,
        },
      },
    },
  );
}
