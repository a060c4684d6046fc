import { headerNames } from '@sagamesh/contracts/subjects';
import type { Extension } from './envoy-json.ts';

/** One id for everything that a request causes: the client's own, or the one that Envoy gives to every request. */

/**
 * Envoy's format string: the first of the two that is there. A gateway replaces a client's `x-request-id`, hence a header of our own. Cut at what the
 * services take for an id: nobody writes pages of text into our logs by it.
 */
export const correlationIdExpression = `%REQ(${headerNames.correlationId}?x-request-id):128%`;

/**
 * The filter that sees to the headers at the door: put first, so that every later one, and every answer that Envoy makes itself, has the id. On
 * the answer it only fills a gap: a service that could not use the client's id says which one it took instead. And it takes away what a caller
 * tells Envoy to do: by `x-envoy-retry-on`, anybody whose address Envoy holds for internal could have a POST sent again.
 */
export function correlationFilter(): Extension {
  const header = { key: headerNames.correlationId, value: correlationIdExpression };
  const addId = { append: { header, append_action: 'ADD_IF_ABSENT' } };
  return {
    name: 'envoy.filters.http.header_mutation',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
      mutations: {
        request_mutations: [{ remove_on_match: { key_matcher: { prefix: 'x-envoy-' } } }, addId],
        response_mutations: [addId],
      },
    },
  };
}
