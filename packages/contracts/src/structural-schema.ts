import { z } from 'zod';

/** From zod to the structural schema of a CustomResourceDefinition (apiextensions.k8s.io/v1). */

/** A CEL rule that the API server checks at each write. `oldSelf` in a rule makes it a rule about changes. */
export interface ValidationRule {
  readonly rule: string;
  /** What to do about it; the sender reads this. */
  readonly message: string;
  /** CEL that gives a more exact message, e.g. with names in it. `message` is used when it fails. */
  readonly messageExpression?: string;
  /** The field that the answer names, when it is not the one that carries the rule. */
  readonly fieldPath?: string;
}

const structuralTypes = ['object', 'array', 'string', 'integer', 'boolean'] as const;

export interface StructuralSchema {
  readonly description?: string;
  readonly type: (typeof structuralTypes)[number];
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** RFC 3339 in UTC, as both zod and the API server read it; zod's own pattern (with leap years) is 300 characters of noise. */
const timeSchema = {
  type: 'string',
  format: 'date-time',
  maxLength: 30,
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z$',
} as const satisfies StructuralSchema;

/** Copied as they are. A keyword that is neither here nor handled below stops the build: dropping it would weaken admission silently. */
const plainKeywords = [
  'default',
  'enum',
  'format',
  'maximum',
  'maxItems',
  'maxLength',
  'maxProperties',
  'minimum',
  'minItems',
  'minLength',
  'required',
] as const;

const handledKeywords = [
  '$schema',
  'description',
  'type',
  'pattern',
  'properties',
  'items',
  'additionalProperties',
  'propertyNames',
];

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Throws when the zod schema uses something that a structural schema cannot say. */
export function structuralSchema(source: z.ZodType): StructuralSchema {
  return translate(z.toJSONSchema(source, { io: 'input' }), '');
}

function translate(source: JsonSchema | boolean, path: string): StructuralSchema {
  if (typeof source === 'boolean')
    throw new Error(`${path || 'root'}: anything goes here, which cannot be bounded`);
  if (source.format === 'date-time') return withDescription(timeSchema, source);
  const allowed: readonly string[] = [...plainKeywords, ...handledKeywords];
  const foreign = Object.keys(source).filter((keyword) => !allowed.includes(keyword));
  if (foreign.length > 0) throw new Error(`${path || 'root'}: no structural form for ${foreign.join(', ')}`);

  const plain = Object.fromEntries(
    plainKeywords.flatMap((keyword) => (source[keyword] === undefined ? [] : [[keyword, source[keyword]]])),
  );
  // z.int() brings the largest safe integer along, which bounds nothing that people would write.
  if (plain['maximum'] === Number.MAX_SAFE_INTEGER) delete plain['maximum'];
  const rules = [...patternRules(source), ...keyRules(source)];
  return {
    ...(source.description !== undefined && { description: sentence(source.description) }),
    type: structuralType(source, path),
    ...plain,
    ...(source.pattern !== undefined && source.description === undefined && { pattern: source.pattern }),
    ...(source.properties && { properties: translateAll(source.properties, path) }),
    ...(isSchema(source.items) && { items: translate(source.items, `${path}[]`) }),
    ...(isSchema(source.additionalProperties) && {
      additionalProperties: translate(source.additionalProperties, `${path}{}`),
    }),
    ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
  };
}

function translateAll(properties: Record<string, JsonSchema | boolean>, path: string) {
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, translate(property, `${path}.${name}`)]),
  );
}

/** A pattern with a description becomes a rule that answers in words; without one it stays a pattern. */
function patternRules(source: JsonSchema): readonly ValidationRule[] {
  if (source.pattern === undefined || source.description === undefined) return [];
  return [{ rule: `self.matches(${celText(source.pattern)})`, message: `must be ${source.description}` }];
}

/** Structural schemas have no `propertyNames`. */
function keyRules(source: JsonSchema): readonly ValidationRule[] {
  const keys = source.propertyNames;
  if (!isSchema(keys)) return [];
  if (keys.maxLength === undefined) throw new Error('the keys of a map need a maxLength');
  const message = `keys may have at most ${keys.maxLength} characters`;
  return [{ rule: `self.all(key, size(key) <= ${keys.maxLength})`, message }];
}

function structuralType(source: JsonSchema, path: string): StructuralSchema['type'] {
  const type = structuralTypes.find((candidate) => candidate === source.type);
  if (type === undefined)
    throw new Error(`${path || 'root'}: type ${String(source.type)} has no structural form`);
  return type;
}

function withDescription(schema: StructuralSchema, source: JsonSchema): StructuralSchema {
  return source.description === undefined ? schema : { description: sentence(source.description), ...schema };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sentence(phrase: string): string {
  return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}.`;
}

/** A CEL string literal. */
function celText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
