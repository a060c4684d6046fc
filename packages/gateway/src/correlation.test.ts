import { expect, it } from 'vitest';
import { correlationFilter } from './correlation.ts';

it("takes Envoy's own headers from the caller, keeps the client's correlation id, makes one when there is none, and never overwrites what a service answers", () => {
  const mutation = {
    append: {
      header: { key: 'x-correlation-id', value: '%REQ(x-correlation-id?x-request-id):128%' },
      append_action: 'ADD_IF_ABSENT',
    },
  };
  expect(correlationFilter().typed_config['mutations']).toEqual({
    request_mutations: [{ remove_on_match: { key_matcher: { prefix: 'x-envoy-' } } }, mutation],
    response_mutations: [mutation],
  });
});
