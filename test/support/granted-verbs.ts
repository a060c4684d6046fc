import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import { repository } from '@sagamesh/sandbox/system/manifests';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** What the committed manifests let the operator do: `patch ordersagas/status` and the like. */

const roleSchema = z.object({
  kind: z.enum(['ClusterRole', 'Role']),
  metadata: z.object({ name: z.string() }),
  rules: z.array(z.object({ resources: z.array(z.string()), verbs: z.array(z.string()) })),
});

export function verbsGrantedToOperator(): readonly string[] {
  const text = readFileSync(join(repository, 'manifests', 'operator', 'rbac.yaml'), 'utf8');
  const granted = new Set<string>();
  for (const document of parseAllDocuments(text)) {
    const role = roleSchema.safeParse(document.toJS());
    if (!role.success || !role.data.metadata.name.startsWith(operatorIdentity.serviceAccount)) continue;
    for (const { resources, verbs } of role.data.rules) {
      for (const resource of resources) for (const verb of verbs) granted.add(`${verb} ${resource}`);
    }
  }
  return [...granted].toSorted();
}
