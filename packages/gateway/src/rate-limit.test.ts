import { describe, expect, it } from 'vitest';
import { localRateLimitFilter, retryAfterSeconds } from './rate-limit.ts';

/** The names of the buckets that a request takes a token from, by the filter's own patterns. */
function bucketsOf(path: string, method: string): readonly string[] {
  const config: { readonly rate_limits: readonly { readonly actions: readonly PathAction[] }[] } = JSON.parse(
    JSON.stringify(localRateLimitFilter().typed_config),
  );
  const actions = config.rate_limits.flatMap((limit) => limit.actions);
  return actions
    .filter(({ header_value_match: match }) =>
      match.headers.every(({ name, string_match }) =>
        new RegExp(`^(?:${string_match.safe_regex.regex})$`).test(name === ':path' ? path : method),
      ),
    )
    .map(({ header_value_match: match }) => match.descriptor_value);
}

interface PathAction {
  readonly header_value_match: {
    readonly descriptor_key: string;
    readonly descriptor_value: string;
    readonly headers: readonly { name: string; string_match: { safe_regex: { regex: string } } }[];
  };
}

describe('the local rate limit', () => {
  it.each([
    { path: '/api/v1/orders', buckets: ['orders'] },
    { path: '/api/v1/orders?limit=5', buckets: ['orders'] },
    { path: '/api/v1/orders/0b1c', buckets: ['orders'] },
    { path: '/api/v1/orders/0b1c?x=/api/v1/users', buckets: ['orders'] },
    { path: '/api/v1/users', buckets: ['users'] },
    { path: '/api/v1/users/token', buckets: ['users'] },
    { path: '/api/v1/users/7', buckets: ['users'] },
    { path: '/.well-known/jwks.json', buckets: ['users'] },
    { path: '/Xwell-known/jwks.json', buckets: [] },
    { path: '/api/v1/ordersx', buckets: [] },
    { path: '/v2/api/v1/orders', buckets: [] },
    { path: '/', buckets: [] },
  ])('counts $path in $buckets', ({ path, buckets }) => {
    expect(bucketsOf(path, 'GET')).toEqual(buckets);
    expect(bucketsOf(path, 'POST')).toEqual(buckets);
  });

  it('costs nothing to ask by a method that no route has, for which nobody needs a token', () => {
    expect(bucketsOf('/api/v1/orders', 'DELETE')).toEqual([]);
  });

  it('has a bucket of 100 a minute for orders and of 200 for users', () => {
    expect(localRateLimitFilter().typed_config['descriptors']).toEqual([
      {
        entries: [{ key: 'api', value: 'orders' }],
        token_bucket: { max_tokens: 100, tokens_per_fill: 100, fill_interval: '60s' },
      },
      {
        entries: [{ key: 'api', value: 'users' }],
        token_bucket: { max_tokens: 200, tokens_per_fill: 200, fill_interval: '60s' },
      },
    ]);
  });

  it('has no bucket for requests to other paths', () => {
    expect(localRateLimitFilter().typed_config).not.toHaveProperty('token_bucket');
  });

  it('tells a refused caller when to come back, and everybody what is left', () => {
    expect(localRateLimitFilter().typed_config).toMatchObject({
      response_headers_to_add: [{ header: { key: 'retry-after', value: String(retryAfterSeconds) } }],
      enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
    });
  });
});
