import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';

/** Any Kubernetes object, as plain data. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: object;
  readonly [field: string]: unknown;
}

/** What the types of @kubernetes-models describe: their metadata is that of the API, in which even a name is optional. */
interface ModelData {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: object;
}

/** An object of a kind that cdk8s-plus has no class for. Give it a type where you make it. */
export function addObject(scope: Construct, object: ModelData): void {
  const { apiVersion, kind, metadata, ...rest } = object;
  const id = [kind, metadata?.namespace, metadata?.name].join('-').toLowerCase();
  new ApiObject(scope, id, {
    apiVersion,
    kind,
    metadata: { ...metadata },
    ...rest,
  });
}
