import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Of the cluster of `make kind-up`, written by it; whatever the current context of the person is. */
export const kindKubeconfig = join(repository, '.data', 'kind', 'kubeconfig');
