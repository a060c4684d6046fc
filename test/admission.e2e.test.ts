/** What a real API server lets in and refuses, with the committed manifests and the real kubectl. No operator runs here. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import { defaultPlan, orderSagaSpecSchema, stepSchema } from '@sagamesh/contracts/order-saga';
import { orderSagaStructuralSchema } from '@sagamesh/contracts/order-saga-crd';
import type { StructuralSchema } from '@sagamesh/contracts/structural-schema';
import { startControlPlane, type ControlPlane } from '@sagamesh/sandbox/control-plane';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { kubectlFor, type Kubectl } from '@sagamesh/sandbox/kubectl';

type Fields = Readonly<Record<string, unknown>>;

let dataDir: DataDir;
let plane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  plane = await startControlPlane({ dataDir, durable: false });
  kubectl = await kubectlFor(plane.adminKubeconfig);
  await succeed(['apply', '-f', 'manifests/operator/namespace.yaml']);
  await succeed(['apply', '-f', 'manifests/crd/ordersagas.yaml', '-f', 'manifests/operator/rbac.yaml']);
  await succeed(['wait', '--for=condition=Established', 'crd/ordersagas.sagamesh.dev']);
});

afterAll(async () => {
  await plane.stop();
  dataDir.close({ remove: true });
});

async function succeed(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, input);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** What the sender reads when a write is refused. */
async function refusal(args: readonly string[], input?: string): Promise<string> {
  const { code, stderr } = await kubectl(args, input);
  expect({ code, stderr }).toMatchObject({ code: 1 });
  return stderr;
}

const order = {
  id: 'order-1',
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4999 }],
  paymentMethod: 'pm_card_visa',
};

const [createOrder, reserveInventory, , confirmOrder, settleInventory] = defaultPlan;

function saga(spec: Fields, name = 'order-1'): string {
  return stringify({ apiVersion: 'sagamesh.dev/v1alpha1', kind: 'OrderSaga', metadata: { name }, spec });
}

async function create(spec: Fields, name = 'order-1'): Promise<void> {
  await succeed(['create', '-f', '-'], saga(spec, name));
}

const refusedCreation = (spec: Fields) => refusal(['create', '-f', '-'], saga(spec));
const patch = (type: 'json' | 'merge', change: unknown) => [
  'patch',
  'osaga/order-1',
  `--type=${type}`,
  `--patch=${JSON.stringify(change)}`,
];
const patchStatus = (status: unknown) => [...patch('merge', { status }), '--subresource=status'];

beforeEach(async () => {
  await succeed(['delete', 'osaga', '--all']);
});

const idsOf = (orderId: string) =>
  succeed(['get', 'osaga', `--field-selector=spec.order.id=${orderId}`, '--output=name']);
const read = (jsonpath: string) => succeed(['get', 'osaga/order-1', `--output=jsonpath=${jsonpath}`]);

describe('an OrderSaga that is let in', () => {
  it('is each sample, checked strictly by the server', async () => {
    const answer = await succeed([
      'apply',
      '--dry-run=server',
      '--server-side',
      '--validate=strict',
      '-f',
      'manifests/samples',
    ]);
    expect(answer.trim().split('\n')).toHaveLength(5);
  });

  it('shows every default in the stored object, the whole plan included', async () => {
    await create({ order });
    const stored: unknown = JSON.parse(await succeed(['get', 'osaga/order-1', '--output=json']));
    expect(stored).toMatchObject({
      spec: {
        order,
        steps: stepSchema.array().parse(defaultPlan),
        deadlineSeconds: 300,
        suspend: false,
        cancel: false,
        ttlSecondsAfterFinished: 86_400,
      },
    });
  });

  it('is stored as zod reads it, defaults below own steps included', async () => {
    const steps = [{ ...createOrder, retry: { maxAttempts: 2 } }, confirmOrder];
    await create({ order, steps });
    const spec: unknown = JSON.parse(await read('{.spec}'));
    expect(spec).toEqual(orderSagaSpecSchema.parse({ order, steps }));
  });

  it('loses fields that nobody knows, unless it is checked strictly, which refuses them', async () => {
    const text = saga({ order: { ...order, discount: 5 } });
    expect(await refusal(['create', '--validate=strict', '-f', '-'], text)).toContain(
      'unknown field "spec.order.discount"',
    );
    await succeed(['create', '--validate=ignore', '-f', '-'], text);
    expect(await read('{.spec.order}')).not.toContain('discount');
  });

  it('may be suspended, given another deadline and time to live, and cancelled', async () => {
    await create({ order });
    const spec = { suspend: true, deadlineSeconds: 60, ttlSecondsAfterFinished: 10, cancel: true };
    await succeed(patch('merge', { spec }));
    expect(JSON.parse(await read('{.spec}'))).toMatchObject(spec);
  });

  it('is found by its order id', async () => {
    await create({ order });
    expect(await idsOf('order-1')).toContain('ordersaga.sagamesh.dev/order-1');
    expect(await idsOf('order-2')).toBe('');
  });
});

describe('a plan that is refused', () => {
  const undone = { ...reserveInventory, compensate: undefined };
  it.each([
    [
      'has two pivots',
      [createOrder, { ...confirmOrder, name: 'first' }, confirmOrder],
      'spec.steps: Invalid value: more than one step is the pivot (first and confirmOrder): leave pivot: true on the one step',
    ],
    [
      'has no pivot',
      [createOrder, settleInventory],
      'no step is the pivot: mark the one step whose effect decides the saga with pivot: true',
    ],
    [
      'has a step before the pivot that cannot be undone',
      [createOrder, undone, confirmOrder],
      'step reserveInventory comes before the pivot and needs compensate',
    ],
    [
      'undoes its pivot',
      [createOrder, { ...confirmOrder, compensate: 'cancel' }],
      'step confirmOrder is the pivot or comes after it and is never undone: remove compensate',
    ],
    [
      'undoes a step after the pivot',
      [createOrder, confirmOrder, { ...settleInventory, compensate: 'release' }],
      'step settleInventory is the pivot or comes after it and is never undone: remove compensate',
    ],
    [
      'has two steps of one name',
      [createOrder, { ...reserveInventory, name: 'createOrder' }, confirmOrder],
      'step names must be unique: rename one of the steps named createOrder',
    ],
    ['has no steps', [], 'spec.steps in body should have at least 1 items'],
    [
      'has 17 steps',
      [...Array.from({ length: 16 }, (_, index) => ({ ...createOrder, name: `step${index}` })), confirmOrder],
      'spec.steps: Too many: 17: must have at most 16 items',
    ],
    [
      'has a step name with a space',
      [{ ...createOrder, name: 'create order' }, confirmOrder],
      'must be a step name',
    ],
    [
      'has a service name in capitals',
      [{ ...createOrder, service: 'Order' }, confirmOrder],
      'must be a service name',
    ],
    [
      'has an action with a dot',
      [{ ...createOrder, execute: 'order.create' }, confirmOrder],
      'must be an action of the service',
    ],
    [
      'waits no time at all',
      [{ ...createOrder, timeoutSeconds: 0 }, confirmOrder],
      'timeoutSeconds in body should be greater than or equal to 1',
    ],
    [
      'hands over 17 settings',
      [
        createOrder,
        {
          ...confirmOrder,
          with: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])),
        },
      ],
      'must have at most 16 items',
    ],
    [
      'hands over a setting of 257 characters',
      [createOrder, { ...confirmOrder, with: { note: 'n'.repeat(257) } }],
      'Too long: may not be more than 256',
    ],
    [
      'hands over a setting with a name of 64 characters',
      [createOrder, { ...confirmOrder, with: { ['k'.repeat(64)]: 'v' } }],
      'keys may have at most 63 characters',
    ],
  ])('%s', async (_, steps, message) => {
    expect(await refusedCreation({ order, steps })).toContain(message);
  });
});

describe('an order that is refused', () => {
  const item = { sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4999 };
  const euro =
    'spec.order.currency: Invalid value: "eur": must be an ISO 4217 currency code: three capital letters, such as EUR';
  it.each([
    ['has a currency in small letters', { currency: 'eur' }, euro],
    ['has a currency with a digit', { currency: 'EU1' }, 'must be an ISO 4217 currency code'],
    ['has a currency sign', { currency: '€' }, 'spec.order.currency in body should be at least 3 chars long'],
    ['has a currency by name', { currency: 'EURO' }, 'spec.order.currency: Too long: may not be more than 3'],
    [
      'has a negative price',
      { items: [{ ...item, unitPriceCents: -4999 }] },
      'spec.order.items[0].unitPriceCents in body should be greater than or equal to 1',
    ],
    [
      'has a price of zero',
      { items: [{ ...item, unitPriceCents: 0 }] },
      'spec.order.items[0].unitPriceCents in body should be greater than or equal to 1',
    ],
    [
      'has a price with a fraction',
      { items: [{ ...item, unitPriceCents: 49.99 }] },
      'spec.order.items[0].unitPriceCents in body must be of type integer',
    ],
    [
      'has a price as text',
      { items: [{ ...item, unitPriceCents: '4999' }] },
      'spec.order.items[0].unitPriceCents in body must be of type integer',
    ],
    [
      'has a price of nine digits',
      { items: [{ ...item, unitPriceCents: 100_000_000 }] },
      'should be less than or equal to 99999999',
    ],
    [
      'has a quantity of zero',
      { items: [{ ...item, quantity: 0 }] },
      'spec.order.items[0].quantity in body should be greater than or equal to 1',
    ],
    [
      'has a quantity with a fraction',
      { items: [{ ...item, quantity: 1.5 }] },
      'spec.order.items[0].quantity in body must be of type integer',
    ],
    [
      'has a quantity of 1001',
      { items: [{ ...item, quantity: 1001 }] },
      'spec.order.items[0].quantity in body should be less than or equal to 1000',
    ],
    [
      'is worth more than can be paid at once',
      { items: [{ ...item, quantity: 2, unitPriceCents: 99_999_999 }] },
      'spec.order: Invalid value: the order is worth more than 99999999 cents, the most that can be paid at once: split it',
    ],
    ['has no items', { items: [] }, 'spec.order.items in body should have at least 1 items'],
    [
      'has 51 items',
      { items: Array.from({ length: 51 }, () => item) },
      'spec.order.items: Too many: 51: must have at most 50 items',
    ],
    [
      'has an SKU of 65 characters',
      { items: [{ ...item, sku: 'K'.repeat(65) }] },
      'spec.order.items[0].sku: Too long: may not be more than 64',
    ],
    ['has an SKU with a slash', { items: [{ ...item, sku: 'KEY/BOARD' }] }, 'must be a stock keeping unit'],
    [
      'has an id in capitals',
      { id: 'ORDER-1' },
      'must be a business key, used once for ever: lower-case letters, digits and dashes',
    ],
    [
      'has an id of 64 characters',
      { id: 'o'.repeat(64) },
      'spec.order.id: Too long: may not be more than 63',
    ],
    ['has a customer id with a space', { customerId: 'ada lovelace' }, 'must be a customer id'],
    [
      'has a means of payment with a dash',
      { paymentMethod: '4242-4242' },
      'must be a means of payment as the provider names it',
    ],
    [
      'has a mail address without @',
      { contact: { email: 'ada' } },
      'must be an e-mail address such as ada@example.org',
    ],
    [
      'has a mail address that hides a header',
      { contact: { email: 'ada@example.org\nbcc:x@y' } },
      'must be an e-mail address',
    ],
    [
      'has letters in its telephone number',
      { contact: { phone: '+49 call me' } },
      'must be a telephone number',
    ],
    ['lacks its currency', { currency: undefined }, 'spec.order.currency: Required value'],
    ['lacks its id', { id: undefined }, 'spec.order.id: Required value'],
  ])('%s', async (_, change, message) => {
    expect(await refusedCreation({ order: { ...order, ...change } })).toContain(message);
  });

  it('is not there at all', async () => {
    expect(await refusedCreation({})).toContain('spec.order: Required value');
  });
});

const fullOrder = {
  ...order,
  items: [
    { sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4999 },
    { sku: 'MOUSE', quantity: 2, unitPriceCents: 1999 },
  ],
  contact: { email: 'ada@example.org', phone: '+49 30 1234' },
  sourceEventId: 'event-1',
};
const fullSteps = stepSchema
  .array()
  .parse([{ ...createOrder, with: { note: 'gift' } }, reserveInventory, confirmOrder, settleInventory]);

/** Fields whose other valid value is not simply a longer text. */
const otherValues: Fields = { currency: 'USD', phone: '+49 30 5678', maxAttempts: 6 };

/** Every field of a schema as a JSON pointer: into the first element of a list, into the key `note` of a map. */
function pointers(schema: StructuralSchema, pointer: string): readonly string[] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, property]) =>
      pointers(property, `${pointer}/${name}`),
    );
  }
  if (schema.items) return pointers(schema.items, `${pointer}/0`);
  return schema.additionalProperties ? [`${pointer}/note`] : [pointer];
}

const specSchema = orderSagaStructuralSchema().properties?.['spec']?.properties ?? {};
const fieldsOf = (name: 'order' | 'steps') =>
  specSchema[name] ? pointers(specSchema[name], `/spec/${name}`) : [];

function changed(pointer: string): unknown {
  const name = pointer.split('/').at(-1) ?? '';
  if (name in otherValues) return otherValues[name];
  let value: unknown = { spec: { order: fullOrder, steps: fullSteps } };
  for (const key of pointer.split('/').slice(1)) value = Object(value)[key];
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `${value}x`;
  throw new Error(`${pointer} is not in the full order: give it a value there`);
}

describe('an order in the cluster', () => {
  const immutable =
    'spec.order: Invalid value: order is immutable: set cancel: true on this saga and apply a new one with another order id instead';
  beforeEach(() => create({ order: fullOrder, steps: fullSteps }));

  it('names every field that it has in the tables below', () => {
    expect(fieldsOf('order')).toHaveLength(10);
    expect(fieldsOf('steps')).toHaveLength(11);
  });

  it.each(fieldsOf('order'))('keeps %s', async (path) => {
    expect(await refusal(patch('json', [{ op: 'replace', path, value: changed(path) }]))).toContain(
      immutable,
    );
  });

  it.each([
    '/spec/order/contact',
    '/spec/order/contact/email',
    '/spec/order/contact/phone',
    '/spec/order/sourceEventId',
    '/spec/order/items/1',
  ])('keeps %s from being removed', async (path) => {
    expect(await refusal(patch('json', [{ op: 'remove', path }]))).toContain(immutable);
  });

  it('keeps the number and the order of its items', async () => {
    const [keyboard, mouse] = fullOrder.items;
    for (const items of [[mouse, keyboard], [keyboard, mouse, mouse], [keyboard]]) {
      expect(await refusal(patch('merge', { spec: { order: { items } } }))).toContain(immutable);
    }
  });
});

describe('a plan in the cluster', () => {
  const immutable =
    'spec.steps: Invalid value: steps are immutable, and so is their order: apply a new OrderSaga with another order id instead';
  beforeEach(() => create({ order: fullOrder, steps: fullSteps }));

  it.each(fieldsOf('steps'))('keeps %s', async (path) => {
    expect(await refusal(patch('json', [{ op: 'replace', path, value: changed(path) }]))).toContain(
      immutable,
    );
  });

  it.each(['/spec/steps', '/spec/steps/3', '/spec/steps/0/with', '/spec/steps/0/with/note'])(
    'keeps %s from being removed',
    async (path) => {
      expect(await refusal(patch('json', [{ op: 'remove', path }]))).toContain(immutable);
    },
  );

  it('keeps the number and the order of its steps', async () => {
    const [first, second, pivot, last] = fullSteps;
    for (const steps of [
      [second, first, pivot, last],
      [first, second, pivot],
      [...fullSteps, { ...last, name: 'again' }],
    ]) {
      expect(await refusal(patch('merge', { spec: { steps } }))).toContain(immutable);
    }
  });

  it('keeps the order of its steps against server-side apply, even by force', async () => {
    const [first, second, pivot, last] = fullSteps;
    const text = saga({ order: fullOrder, steps: [second, first, pivot, last] });
    expect(await refusal(['apply', '--server-side', '--force-conflicts', '-f', '-'], text)).toContain(
      immutable,
    );
  });

  it('may be applied again as it is', async () => {
    await succeed(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      saga({ order: fullOrder, steps: fullSteps }),
    );
    expect(await read('{.metadata.generation}')).toBe('1');
  });
});

describe('a cancelled saga', () => {
  const oneWay = 'spec.cancel: Invalid value: false: cancel is one way: a cancelled saga stays cancelled';
  beforeEach(() => create({ order, cancel: true }));

  it.each([
    ['is set to false', patch('merge', { spec: { cancel: false } })],
    ['is set to null, which the default would make false', patch('merge', { spec: { cancel: null } })],
    ['is removed', patch('json', [{ op: 'remove', path: '/spec/cancel' }])],
  ])('stays so when cancel %s', async (_, args) => {
    expect(await refusal(args)).toContain(oneWay);
  });

  it('may still be suspended', async () => {
    await succeed(patch('merge', { spec: { suspend: true } }));
    expect(await read('{.spec.suspend} {.spec.cancel}')).toBe('true true');
  });
});

describe('the status of a saga', () => {
  const final =
    'status.outcome: Invalid value: status.outcome is final: once set it can be neither changed nor removed';
  const now = '2026-01-01T00:00:00.000Z';
  const condition = (type: string, reason: string) => ({
    type,
    status: 'Unknown',
    reason,
    message: 'm',
    lastTransitionTime: now,
    observedGeneration: 1,
  });
  beforeEach(() => create({ order }));

  it.each([
    ['changed', { outcome: 'Compensated' }],
    ['removed', { outcome: null }],
    ['removed with everything else', null],
  ])('keeps an outcome from being %s', async (_, status) => {
    await succeed(patchStatus({ outcome: 'Completed', progress: '5/5' }));
    expect(await refusal(patchStatus(status))).toContain(final);
    expect(await read('{.status.outcome}')).toBe('Completed');
  });

  it('keeps an outcome from being removed by a replace of the whole object', async () => {
    await succeed(patchStatus({ outcome: 'Completed' }));
    const stored = Object(parse(await succeed(['get', 'osaga/order-1', '--output=yaml'])));
    const text = stringify({ ...stored, status: undefined });
    expect(await refusal(['replace', '--subresource=status', '-f', '-'], text)).toContain(final);
  });

  it('may change in other ways after the outcome', async () => {
    await succeed(patchStatus({ outcome: 'Completed' }));
    await succeed(patchStatus({ outcome: 'Completed', finishedAt: now }));
    expect(await read('{.status.finishedAt}')).toBe(now);
  });

  it('is refused an outcome and a step state that nobody knows', async () => {
    expect(await refusal(patchStatus({ outcome: 'Perhaps' }))).toContain(
      'supported values: "Completed", "Compensated", "Abandoned"',
    );
    expect(await refusal(patchStatus({ steps: [{ name: 's', state: 'Odd', attempts: 1 }] }))).toContain(
      'Unsupported value: "Odd"',
    );
  });

  it('is refused a result with a name of 64 characters', async () => {
    const results = { ['k'.repeat(64)]: 'v' };
    expect(await refusal(patchStatus({ results }))).toContain('keys may have at most 63 characters');
  });

  it('is written through its own door only', async () => {
    await succeed(patch('merge', { status: { outcome: 'Completed' } }));
    expect(await read('{.status.outcome}')).toBe('');
  });

  it('is what the columns show: the failure first, else the condition Succeeded', async () => {
    const cells = async (options: readonly string[] = []) =>
      (await succeed(['get', 'osaga', ...options]))
        .trim()
        .split('\n')
        .map((line) => line.split(/\s{2,}/).map((cell) => cell.trim()));
    const conditions = [condition('Succeeded', 'StepRunning'), condition('Ready', 'Other')];
    await succeed(patchStatus({ conditions, currentStep: 'processPayment', progress: '2/5' }));
    const [head, open] = await cells();
    expect(head?.join(' ')).toBe('NAME OUTCOME REASON STEP PROGRESS AGE');
    expect(open?.slice(0, 4)).toEqual(['order-1', 'StepRunning', 'processPayment', '2/5']);

    const failure = { step: 'processPayment', reason: 'CardDeclined', message: 'no' };
    await succeed(patchStatus({ failure, outcome: 'Compensated' }));
    expect((await cells())[1]?.slice(0, 3)).toEqual(['order-1', 'Compensated', 'CardDeclined']);
    expect((await cells(['--output=wide']))[0]?.slice(-2)).toEqual(['MESSAGE', 'ORDER']);
  });
});

describe('the rights of the operator', () => {
  const account = `system:serviceaccount:${operatorIdentity.namespace}:${operatorIdentity.serviceAccount}`;
  const may = async (...question: readonly string[]) =>
    (await kubectl(['auth', 'can-i', ...question, `--as=${account}`])).stdout.trim();

  it.each([
    ['watch', 'ordersagas', '--all-namespaces'],
    ['create', 'ordersagas', '--namespace=shop'],
    ['patch', 'ordersagas', '--subresource=status', '--namespace=any'],
    ['create', 'events.events.k8s.io', '--namespace=any'],
    ['create', 'leases', `--namespace=${operatorIdentity.namespace}`],
    ['update', `leases/${operatorIdentity.lease}`, `--namespace=${operatorIdentity.namespace}`],
  ])('include %s %s %s', async (...question) => {
    expect(await may(...question)).toBe('yes');
  });

  it.each([
    ['get', 'secrets', '--namespace=shop'],
    ['get', 'leases/other', `--namespace=${operatorIdentity.namespace}`],
    ['create', 'leases', '--namespace=shop'],
    ['update', 'ordersagas', '--namespace=shop'],
    ['create', 'pods', '--namespace=shop'],
  ])('leave out %s %s %s', async (...question) => {
    expect(await may(...question)).toBe('no');
  });
});
