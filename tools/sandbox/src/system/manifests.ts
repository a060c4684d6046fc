import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kubectl } from '../kubectl.ts';
import { SetupError } from '../setup-error.ts';

/** The manifests that every installation needs, applied as a person would: with kubectl. */

export const repository = fileURLToPath(new URL('../../../..', import.meta.url));
/** Where the sandbox keeps its sagas. */
export const sagaNamespace = 'shop';

export async function installManifests(kubectl: Kubectl): Promise<void> {
  const crdFile = join(repository, 'manifests', 'crd', 'ordersagas.yaml');
  const operatorFolder = join(repository, 'manifests', 'operator');
  const established = [
    'wait',
    '--for=condition=Established',
    '--timeout=180s',
    'crd/ordersagas.sagamesh.dev',
  ];
  await mustRun(kubectl, ['apply', '-f', join(operatorFolder, 'namespace.yaml')]);
  await mustRun(kubectl, ['apply', '-f', crdFile, '-f', join(operatorFolder, 'rbac.yaml')]);
  await mustRun(kubectl, established);
}

/** Answers standard output; a failure carries what kubectl said. */
export async function mustRun(kubectl: Kubectl, args: readonly string[], input?: string): Promise<string> {
  const result = await kubectl(args, input);
  if (result.code !== 0) throw new SetupError(`kubectl ${args.join(' ')} failed: ${result.stderr.trim()}`);
  return result.stdout;
}
