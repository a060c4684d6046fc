import { orderLimits } from '@sagamesh/contracts/order';

/** HTTP requests that must be refused, and how. Data only. */
export interface BadRequest {
  readonly title: string;
  readonly service: 'order' | 'inventory' | 'payment' | 'user';
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** Whose token; default a customer's. */
  readonly as?: 'customer' | 'admin' | 'nobody' | 'forger' | 'expired' | 'garbage';
  /** Text as it stands, or a value that is sent as JSON. */
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  /** Each must be among `errors[].pointer`. */
  readonly pointers?: readonly string[];
}

const line = { sku: 'BULK', quantity: 1 };
const goodOrder = { items: [line], paymentMethod: 'pm_card_visa' };
const ordersPath = '/api/v1/orders';
const restockPath = '/api/v1/inventory/BULK/restock';
const huge = 'x'.repeat(70_000);

type Short = Omit<BadRequest, 'service' | 'method' | 'path'>;
const postOrder = (request: Short): BadRequest => ({
  service: 'order',
  method: 'POST',
  path: ordersPath,
  ...request,
});
const restock = (request: Short): BadRequest => ({
  service: 'inventory',
  method: 'POST',
  path: restockPath,
  as: 'admin',
  ...request,
});

/** Bodies that no route takes, whatever it is for. */
export function brokenBodies(post: (request: Short) => BadRequest): readonly BadRequest[] {
  return [
    post({ title: 'cut-off JSON', body: '{"items": [', status: 400 }),
    post({ title: 'a lone number', body: '7', status: 400 }),
    post({ title: 'null', body: 'null', status: 400 }),
    post({ title: 'no body', headers: { 'content-type': 'application/json' }, status: 400 }),
    post({ title: 'no body and no content type', status: 415 }),
    post({ title: 'a huge body', body: { padding: huge }, status: 413 }),
    post({
      title: 'another content type',
      body: 'items=BULK',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      status: 415,
    }),
    post({
      title: 'a body in an encoding that nobody reads',
      body: {},
      headers: { 'content-encoding': 'rot13' },
      status: 415,
    }),
    post({ title: 'a list', body: [1, 2], status: 422, pointers: [''] }),
  ];
}

const wrongFields: readonly (readonly [string, object, string])[] = [
  ['no items', { paymentMethod: 'pm_card_visa' }, '/items'],
  ['items that are no list', { ...goodOrder, items: 'BULK' }, '/items'],
  ['an empty list of items', { ...goodOrder, items: [] }, '/items'],
  [
    'too many items',
    { ...goodOrder, items: Array.from({ length: orderLimits.itemsMax + 1 }, () => line) },
    '/items',
  ],
  ['a quantity of zero', { ...goodOrder, items: [{ ...line, quantity: 0 }] }, '/items/0/quantity'],
  ['a negative quantity', { ...goodOrder, items: [line, { ...line, quantity: -1 }] }, '/items/1/quantity'],
  ['half a piece', { ...goodOrder, items: [{ ...line, quantity: 0.5 }] }, '/items/0/quantity'],
  ['a quantity in words', { ...goodOrder, items: [{ ...line, quantity: '1' }] }, '/items/0/quantity'],
  [
    'a quantity beyond all bounds',
    { ...goodOrder, items: [{ ...line, quantity: 1e300 }] },
    '/items/0/quantity',
  ],
  ['a SKU that is a number', { ...goodOrder, items: [{ sku: 7, quantity: 1 }] }, '/items/0/sku'],
  ['a SKU with a script in it', { ...goodOrder, items: [{ sku: '<script>', quantity: 1 }] }, '/items/0/sku'],
  ['a SKU that nobody sells', { ...goodOrder, items: [{ sku: 'UNICORN', quantity: 1 }] }, '/items/0/sku'],
  ['a currency in small letters', { ...goodOrder, currency: 'eur' }, '/currency'],
  ['a currency that nothing is sold in', { ...goodOrder, currency: 'USD' }, '/currency'],
  ['no means of payment', { items: [line] }, '/paymentMethod'],
  [
    'a card number for a means of payment',
    { ...goodOrder, paymentMethod: '4242 4242 4242 4242' },
    '/paymentMethod',
  ],
  ['an address that is none', { ...goodOrder, contact: { email: 'ada' } }, '/contact/email'],
  [
    'more than can be paid at once',
    { ...goodOrder, items: Array.from({ length: 50 }, () => ({ sku: 'MONITOR', quantity: 1_000 })) },
    '/items',
  ],
  ['a price of the own choice', { ...goodOrder, items: [{ ...line, unitPriceCents: 1 }] }, '/items/0'],
];

const credentials: readonly BadRequest[] = (['nobody', 'forger', 'expired', 'garbage'] as const).flatMap(
  (as) => [
    postOrder({ title: `an order of ${as}`, as, body: goodOrder, status: 401 }),
    {
      title: `orders read by ${as}`,
      service: 'order' as const,
      method: 'GET' as const,
      path: ordersPath,
      as,
      status: 401,
    },
    {
      title: `an order read by ${as}`,
      service: 'order' as const,
      method: 'GET' as const,
      path: `${ordersPath}/x`,
      as,
      status: 401,
    },
    restock({ title: `a restock by ${as}`, as, body: { quantity: 1 }, status: 401 }),
  ],
);

const get = (
  service: BadRequest['service'],
  path: string,
  status: number,
  more: Partial<BadRequest> = {},
): BadRequest => ({
  title: `GET ${path}`,
  service,
  method: 'GET',
  path,
  status,
  ...more,
});

export const badRequests: readonly BadRequest[] = [
  ...brokenBodies(postOrder),
  ...brokenBodies(restock),
  ...wrongFields.map(([title, body, pointer]) =>
    postOrder({ title, body, status: 422, pointers: [pointer] }),
  ),
  ...credentials,
  postOrder({
    title: 'no idempotency key',
    body: goodOrder,
    headers: { 'idempotency-key': '' },
    status: 400,
  }),
  restock({ title: 'a restock by a customer', as: 'customer', body: { quantity: 1 }, status: 403 }),
  ...[0, -5, 1.5, '5', null, 1e9].map((quantity) =>
    restock({
      title: `a restock of ${String(quantity)}`,
      body: { quantity },
      status: 422,
      pointers: ['/quantity'],
    }),
  ),
  {
    ...restock({ title: 'a restock of nothing known', body: { quantity: 1 }, status: 404 }),
    path: '/api/v1/inventory/UNICORN/restock',
  },
  get('order', `${ordersPath}?limit=many`, 400, { pointers: ['/limit'] }),
  get('order', `${ordersPath}?limit=0`, 400, { pointers: ['/limit'] }),
  get('order', `${ordersPath}?before=-1`, 400, { pointers: ['/before'] }),
  get('order', `${ordersPath}/%E0%A4%A`, 400),
  get('order', `${ordersPath}/no-such-order`, 404),
  get('order', '/api/v2/orders', 404),
  { ...get('order', ordersPath, 405), title: 'DELETE of all orders', method: 'DELETE' },
  get('inventory', '/api/v1/inventory/UNICORN', 404),
  get('inventory', '/api/v1/inventory?limit=-1', 400, { pointers: ['/limit'] }),
  get('inventory', '/api/v1/inventory?after=%3Cscript%3E', 400, { pointers: ['/after'] }),
  get('inventory', '/api/v1/inventory-ledger', 403),
  {
    ...get('inventory', '/api/v1/inventory/BULK', 405),
    title: 'PUT of a stock level',
    method: 'PUT',
    body: { available: 7 },
  },
  get('payment', '/api/v1/payments/no-such-order', 404, { as: 'admin' }),
  get('payment', '/api/v1/payments/no-such-order', 403),
  {
    ...get('payment', '/api/v1/payments/no-such-order', 401),
    as: 'nobody',
    title: 'a payment read by nobody',
  },
  {
    ...get('payment', '/api/v1/payments/no-such-order', 405),
    title: 'POST of a payment',
    method: 'POST',
    body: {},
  },
];
