import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { z } from 'zod';

/** One Secret at a time, with its values as text. What is written goes by standard input: arguments of a process are everybody's to read. */

const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).default({}),
});

export interface StoredSecret {
  readonly data: Readonly<Record<string, string>>;
  /** Writes it with these values; refused by the API server when somebody changed the Secret since it was read. */
  readonly replace: (data: Readonly<Record<string, string>>) => Promise<void>;
}

export async function readSecret(kubectl: Kubectl, namespace: string, name: string): Promise<StoredSecret> {
  const text = await mustRun(kubectl, ['get', 'secret', '-n', namespace, name, '-o', 'json']);
  const secret = secretSchema.parse(JSON.parse(text));
  return {
    data: decoded(secret.data),
    replace: async (data) => {
      const encoded = Object.entries(data).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]);
      const changed = { ...secret, data: Object.fromEntries(encoded) };
      await mustRun(kubectl, ['replace', '-f', '-'], JSON.stringify(changed));
    },
  };
}

export function decoded(data: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
}
