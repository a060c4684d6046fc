import { expect, it } from 'vitest';
import { correlationFilter } from './correlation.ts';

it("keeps the client's correlation id, makes one when there is none, and never overwrites what a service answers", () => {
  const mutation = {
    append: {
      header: { key: 'x-correlation-id', value: '%REQ(x-correlation-id?x-request-id)%' },
      append_action: 'ADD_IF_ABSENT',
    },
  };
  expect(correlationFilter().typed_config['mutations']).toEqual({
    request_mutations: [mutation],
    response_mutations: [mutation],
  });
});
