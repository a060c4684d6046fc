import { stopSandbox } from '@sagamesh/sandbox/data-dir';
import { sandboxFolder } from './sandbox-folder.ts';

/** `make down`: stops exactly the processes that `make up` started here. The data stay for the next `make up`. */
const stopped = await stopSandbox(sandboxFolder);
console.log(stopped ? `stopped; the data stay in ${sandboxFolder}` : 'nothing was running');
