/** The SMS sink as a process: one line on stdout when it listens. */
import { portSetting } from './port-setting.ts';
import { startSmsSink } from './sms-sink.ts';

const sink = await startSmsSink({
  host: process.env['HOST'] ?? '127.0.0.1',
  port: portSetting('PORT', 1081),
  file: process.env['SINK_FILE'],
});
console.log(JSON.stringify({ msg: 'sms sink listens', url: sink.httpUrl, webhookUrl: sink.webhookUrl }));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void sink.close().then(() => process.exit(0));
  });
}
