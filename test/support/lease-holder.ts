import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import type { OperatorName } from '@sagamesh/sandbox/system/process-catalog';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import type { System } from '@sagamesh/sandbox/system/system';
import { waitUntil } from '@sagamesh/sandbox/wait-until';

/** Who holds the operators' Lease, as the API server has it: `<process name>_<id of this start>`; empty when nobody does. */
export async function leaseHolder(system: Pick<System, 'kubectl'>): Promise<string> {
  const { lease, namespace } = operatorIdentity;
  const jsonpath = '--output=jsonpath={.spec.holderIdentity}';
  return mustRun(system.kubectl, ['get', 'lease', lease, '--namespace', namespace, jsonpath]);
}

/** Resolves when that process holds the Lease. */
export async function untilLeads(system: Pick<System, 'kubectl'>, name: OperatorName): Promise<void> {
  const leads = async () => (await leaseHolder(system)).startsWith(`${name}_`);
  await waitUntil(leads, { timeoutMillis: 90_000, intervalMillis: 300, what: `${name} to lead` });
}
