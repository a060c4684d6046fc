import { join } from 'node:path';
import { repository } from '@sagamesh/sandbox/system/manifests';

/** Where `make up` keeps its data, logs and ports. */
export const sandboxFolder = join(repository, '.data', 'sandbox');
