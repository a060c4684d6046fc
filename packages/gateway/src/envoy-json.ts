/** A piece of Envoy's own configuration (v3), as JSON: field names as in its protocol buffers. */
export type EnvoyJson =
  string | number | boolean | readonly EnvoyJson[] | { readonly [field: string]: EnvoyJson };

/** A message whose type Envoy must be told, because many could stand in its place. */
export type TypedConfig = {
  readonly '@type': string;
  readonly [field: string]: EnvoyJson;
};

/** An HTTP filter or another extension: Envoy knows it by its type, people know it by its name. */
export type Extension = {
  readonly name: string;
  readonly typed_config: TypedConfig;
};
