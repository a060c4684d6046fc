import { headerNames } from '@sagamesh/contracts/subjects';
import { currentCorrelationId } from '@sagamesh/runtime/correlation';
import { Stripe } from 'stripe';
import {
  exchangeClient,
  type HttpClient,
  type HttpResponse,
  type ProviderExchange,
} from './provider-exchange.ts';

/**
 * What carries the SDK's requests: sockets, or whoever stands in for them. Each request goes out with the correlation id of the work at hand, and
 * an answer that is not the provider's own is never taken for one.
 */
export function providerClient(exchange?: ProviderExchange): HttpClient {
  const carrier = exchange === undefined ? Stripe.createNodeHttpClient() : exchangeClient(exchange);
  return {
    getClientName: () => carrier.getClientName(),
    makeRequest: async (host, port, path, method, headers, body, protocol, timeoutMillis) => {
      const correlationId = currentCorrelationId();
      const identified =
        correlationId === undefined ? headers : { ...headers, [headerNames.correlationId]: correlationId };
      return ownOnly(
        await carrier.makeRequest(host, port, path, method, identified, body, protocol, timeoutMillis),
      );
    },
  };
}

/**
 * The SDK takes all JSON without an `error` for success and does not look at the status. But a proxy on the way also answers in JSON: a 503 of
 * its own would be a refund that was made.
 */
function ownOnly(response: HttpResponse): HttpResponse {
  return {
    getStatusCode: () => response.getStatusCode(),
    getHeaders: () => response.getHeaders(),
    getRawResponse: () => response.getRawResponse(),
    toStream: (onEnd) => response.toStream(onEnd),
    toJSON: async (): Promise<unknown> => {
      const body: unknown = await response.toJSON();
      const status = response.getStatusCode();
      if (status >= 200 && status < 300) return body;
      // As the SDK looks at it: `"error": null` is none.
      if (typeof body === 'object' && body !== null && 'error' in body && Boolean(body.error)) return body;
      throw new TypeError(`status ${status} in JSON that is not the provider's`);
    },
  };
}
