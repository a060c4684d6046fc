import type { Stripe } from 'stripe';

/**
 * One HTTP exchange with the provider as plain data: the seam for whoever stands in for the network. Everything above it (the SDK's
 * requests, answers and errors, our keys and decisions) is what runs in production.
 */
export interface ProviderHttpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** After this time without an answer the exchange has to throw. */
  readonly timeoutMillis: number;
}

export interface ProviderHttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Throws when there is no answer. An error with the code ECONNRESET or EPIPE makes the SDK wait half a second and send once more. */
export type ProviderExchange = (request: ProviderHttpRequest) => Promise<ProviderHttpAnswer>;

export type HttpClient = NonNullable<NonNullable<ConstructorParameters<typeof Stripe>[1]>['httpClient']>;
export type HttpResponse = Awaited<ReturnType<HttpClient['makeRequest']>>;

/** The SDK's own port on top of an exchange. */
export function exchangeClient(exchange: ProviderExchange): HttpClient {
  return {
    getClientName: () => 'exchange',
    makeRequest: async (_host, _port, path, method, headers, body, _protocol, timeoutMillis) =>
      responseOf(await exchange({ method, path, headers: plainHeaders(headers), body, timeoutMillis })),
  };
}

/** Header names in lower case. */
function plainHeaders(headers: Readonly<Record<string, string | number | readonly string[]>>) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

function responseOf({ status, headers, body }: ProviderHttpAnswer): HttpResponse {
  return {
    getStatusCode: () => status,
    getHeaders: () => ({ ...headers }),
    // The SDK hangs the request's id on it.
    getRawResponse: () => ({}),
    toStream: () => {
      throw new TypeError('this exchange has whole answers only');
    },
    toJSON: async (): Promise<unknown> => JSON.parse(body),
  };
}
