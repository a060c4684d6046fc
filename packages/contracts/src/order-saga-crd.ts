import {
  defaultPlan,
  orderSagaGroup,
  orderSagaKind,
  orderSagaPlural,
  orderSagaSpecSchema,
  orderSagaStatusSchema,
  orderSagaVersion,
  stepSchema,
} from './order-saga.ts';
import { orderSagaRules } from './order-saga-rules.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

/** The CustomResourceDefinition of OrderSaga, made from the zod source. Pure; `make synth` writes it to manifests/crd/. */

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
}

const columns: readonly PrinterColumn[] = [
  { name: 'Outcome', type: 'string', jsonPath: '.status.outcome' },
  {
    // A column has one path and shows its first match: the failure's reason if there is one, else the first condition's,
    // which is Succeeded's (the status is written in that order).
    name: 'Reason',
    type: 'string',
    jsonPath: ".status['failure','conditions']..reason",
    description: 'Why the saga turned round, else the reason of its Succeeded condition.',
  },
  { name: 'Step', type: 'string', jsonPath: '.status.currentStep' },
  { name: 'Progress', type: 'string', jsonPath: '.status.progress' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Succeeded")].message',
    priority: 1,
  },
  { name: 'Order', type: 'string', jsonPath: '.spec.order.id', priority: 1 },
];

/**
 * How lists are merged (server-side apply) and compared. An atomic list counts a re-order as a change; a map list does not.
 * The default plan is written out in full: the API server checks a default with the rules before it fills in defaults below it.
 */
const listTypes: Readonly<Record<string, Partial<StructuralSchema>>> = {
  'spec.order.items': { 'x-kubernetes-list-type': 'atomic' },
  'spec.steps': { 'x-kubernetes-list-type': 'atomic', default: stepSchema.array().parse(defaultPlan) },
  'status.conditions': { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  'status.steps': { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
  'status.abandoned': { 'x-kubernetes-list-type': 'atomic' },
};

export function orderSagaCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${orderSagaPlural}.${orderSagaGroup}` },
    spec: {
      group: orderSagaGroup,
      scope: 'Namespaced',
      names: {
        kind: orderSagaKind,
        listKind: `${orderSagaKind}List`,
        plural: orderSagaPlural,
        singular: orderSagaKind.toLowerCase(),
        shortNames: ['osaga'],
        categories: ['sagas'],
      },
      versions: [
        {
          name: orderSagaVersion,
          served: true,
          storage: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.order.id' }],
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: orderSagaStructuralSchema() },
        },
      ],
    },
  };
}

export function orderSagaStructuralSchema(): StructuralSchema {
  const schema: StructuralSchema = {
    description:
      'A business transaction across services: every step takes effect, or every step is undone. Its conditions tell where it is and how it ended.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: optionalSteps(structuralSchema(orderSagaSpecSchema)),
      status: structuralSchema(orderSagaStatusSchema),
    },
  };
  return finish(schema, '');
}

/** The schema defaults the plan, so whoever applies need not name it, although the stored object always has it. */
function optionalSteps(spec: StructuralSchema): StructuralSchema {
  return { ...spec, required: (spec.required ?? []).filter((name) => name !== 'steps') };
}

/** Adds list types, the default plan and the CEL rules where their paths say. */
function finish(schema: StructuralSchema, path: string): StructuralSchema {
  const rules = [...(schema['x-kubernetes-validations'] ?? []), ...(orderSagaRules[path] ?? [])];
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  return {
    ...schema,
    ...listTypes[path],
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, property]) => [name, finish(property, below(name))]),
      ),
    }),
    ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
  };
}
