/** The part of a Kubernetes object that the kernel looks at, and where objects of one type live in the API. */
export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly unknown[];
  readonly managedFields?: readonly unknown[];
};

export type KubeObject = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
};

/** `group` is '' for the core API. */
export type ResourceType = { readonly group: string; readonly version: string; readonly plural: string };

export type ObjectRef = { readonly namespace?: string; readonly name: string };

/** 'namespace/name', or 'name' for a cluster-scoped object. Names hold no slash, so this is reversible. */
export function keyOf(ref: ObjectRef): string {
  return ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
}

export function parseKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** '/apis/group/version/namespaces/ns/plural/name/subresource', each part escaped. */
export function resourcePath(
  resource: ResourceType,
  place: {
    readonly namespace?: string | undefined;
    readonly name?: string;
    readonly subresource?: 'status';
  } = {},
): string {
  const root = resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  const parts = [
    ...root,
    ...(place.namespace === undefined ? [] : ['namespaces', place.namespace]),
    resource.plural,
    ...(place.name === undefined ? [] : [place.name]),
    ...(place.subresource === undefined ? [] : [place.subresource]),
  ];
  return parts.map((part) => `/${encodeURIComponent(part)}`).join('');
}
