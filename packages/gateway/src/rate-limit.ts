import { gatewayRoutes, rateLimits } from './routes.ts';
import type { GatewayRoute, RateLimitName } from './routes.ts';
import type { EnvoyJson, Extension } from './envoy-json.ts';

/**
 * How often an API may be called, as one Envoy filter that needs nothing of the routes: it tells the API by the path. One bucket per API and Envoy process, whatever
 * the method and whoever calls. Put it after authentication: a caller who is refused there spends nothing of what the others share.
 */

/** By then a tenth of the bucket is back: a caller who waits that long is served, and a crowd of them does not come back at once every second. */
export const retryAfterSeconds = 6;

/** The key of the descriptor by which the filter tells the buckets apart. */
const descriptorKey = 'api';

const always: EnvoyJson = { default_value: { numerator: 100, denominator: 'HUNDRED' } };

export function localRateLimitFilter(): Extension {
  const names = rateLimitNames();
  return {
    name: 'envoy.filters.http.local_ratelimit',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
      stat_prefix: 'http_local_rate_limiter',
      filter_enabled: always,
      filter_enforced: always,
      enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
      response_headers_to_add: [
        {
          header: { key: 'retry-after', value: String(retryAfterSeconds) },
          append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
        },
      ],
      rate_limits: names.map((name) => ({ actions: [pathAction(name)] })),
      descriptors: names.map((name) => ({
        entries: [{ key: descriptorKey, value: name }],
        token_bucket: bucket(rateLimits[name].requestsPerMinute),
      })),
    },
  };
}

/** `{api: orders}` for a request to any path of that API, by any of its methods. */
function pathAction(name: RateLimitName): EnvoyJson {
  const routes = gatewayRoutes.filter((route) => route.limit === name);
  // Envoys before 1.39 refuse long patterns, so what a prefix covers anyway is not named again.
  const widest = routes.filter((route) => !routes.some((other) => covers(other, route)));
  const methods = [...new Set(routes.flatMap((route) => route.methods))];
  const regex = [...new Set(widest.map(pathPattern))].join('|');
  return {
    header_value_match: {
      descriptor_key: descriptorKey,
      descriptor_value: name,
      headers: [
        { name: ':path', string_match: { safe_regex: { regex } } },
        // A request without a route is refused by the router, after this filter: nobody needs a token to make one, so it must cost nothing.
        { name: ':method', string_match: { safe_regex: { regex: methods.join('|') } } },
      ],
    },
  };
}

function covers({ path: wide }: GatewayRoute, { path }: GatewayRoute): boolean {
  if (!('prefix' in wide)) return false;
  const narrow = 'exact' in path ? path.exact : path.prefix;
  return narrow.startsWith(`${wide.prefix}/`) || ('exact' in path && narrow === wide.prefix);
}

/** Of the whole `:path`, the query included. */
function pathPattern({ path }: GatewayRoute): string {
  return 'exact' in path
    ? String.raw`${escaped(path.exact)}(\?.*)?`
    : String.raw`${escaped(path.prefix)}([/?].*)?`;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function bucket(requestsPerMinute: number): EnvoyJson {
  return { max_tokens: requestsPerMinute, tokens_per_fill: requestsPerMinute, fill_interval: '60s' };
}

function rateLimitNames(): readonly RateLimitName[] {
  return [...new Set(gatewayRoutes.map((route) => route.limit))];
}
