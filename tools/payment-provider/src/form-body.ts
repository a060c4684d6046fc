/** Stripe's form encoding: `metadata[saga_uid]=...` is a map, `payment_method_types[0]=card` a list. One level is all that we read. */
export interface FormBody {
  readonly fields: ReadonlyMap<string, string>;
  readonly maps: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export function parseForm(text: string): FormBody {
  const fields = new Map<string, string>();
  const maps = new Map<string, Record<string, string>>();
  for (const [name, value] of new URLSearchParams(text)) {
    const nested = /^([a-z_]+)\[([^\]]*)\]$/.exec(name);
    if (!nested) {
      fields.set(name, value);
      continue;
    }
    const [, outer = '', inner = ''] = nested;
    const map = maps.get(outer) ?? {};
    map[inner] = value;
    maps.set(outer, map);
  }
  return { fields, maps };
}

/** The first parameter that the operation does not know; Stripe refuses those by name. */
export function unknownParameter(form: FormBody, known: readonly string[]): string | undefined {
  return [...form.fields.keys(), ...form.maps.keys()].find((name) => !known.includes(name));
}
