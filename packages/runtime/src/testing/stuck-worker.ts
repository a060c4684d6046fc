import { openNatsBroker } from '../nats-broker.ts';
import { silentLogger } from './silent-logger.ts';

/**
 * A process of its own that takes one message and holds it: `stuck-worker.ts <url, user and password as JSON> <consumer spec as JSON>`. Says on stdout `reading`,
 * `taken`, and `acknowledged` after a line on stdin told it to go on.
 */

const [login = '', spec = ''] = process.argv.slice(2);
const broker = openNatsBroker({ ...JSON.parse(login), name: 'stuck', logger: silentLogger });
const goOn = new Promise((resolve) => process.stdin.once('data', resolve));
const reading = await broker.consume(JSON.parse(spec), async () => {
  process.stdout.write('taken\n');
  await goOn;
  return { kind: 'ack' };
});
process.stdout.write('reading\n');
await goOn;
await reading.stop();
await broker.ping(5_000);
process.stdout.write('acknowledged\n');
