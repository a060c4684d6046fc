import type { EnvironmentName } from '../environment.ts';
import type { KubeObject } from '../kube-object.ts';

/** Broken manifests: one small mistake each, as a person could make it, and the property that must notice. */

export interface Mutant {
  readonly mistake: string;
  /** The beginning of the name of the property that is broken by it. */
  readonly breaks: string;
  readonly environment: EnvironmentName;
  readonly mutate: (objects: Editable[]) => Editable[] | void;
}

/** A manifest that may be written to. */
// oxlint-disable-next-line typescript/no-explicit-any -- mistakes of any shape are what this is for
export type Editable = any;

export function mutated(objects: readonly KubeObject[], { mutate }: Mutant): readonly KubeObject[] {
  const copy: Editable[] = structuredClone([...objects]);
  return mutate(copy) ?? copy;
}

export function find(objects: Editable[], kind: string, name: string): Editable {
  const found = objects.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name} to break`);
  return found;
}

export const without = (objects: Editable[], kind: string, name: string): Editable[] => {
  const victim = find(objects, kind, name);
  return objects.filter((one) => one !== victim);
};
export const podOf = (objects: Editable[], name: string) => find(objects, 'Deployment', name).spec.template;
export const containerOf = (objects: Editable[], name: string) => podOf(objects, name).spec.containers[0];

/** The environment is `kind` unless it is said. */
type Row = readonly [mistake: string, mutate: Mutant['mutate'], environment?: EnvironmentName];

export type Mistakes = Readonly<Record<string, readonly Row[]>>;
