import { openNatsBroker } from '../nats-broker.ts';
import { silentLogger } from './silent-logger.ts';

/** A process of its own that takes one message and never answers it: `stuck-worker.ts <nats url> <consumer spec as JSON>`. Says `taken` on stdout. */

const [url = '', spec = ''] = process.argv.slice(2);
const broker = openNatsBroker({ url, name: 'stuck', logger: silentLogger });
await broker.consume(JSON.parse(spec), async () => {
  process.stdout.write('taken\n');
  return new Promise(() => undefined);
});
