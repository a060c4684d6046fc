/** The mail sink as a process: one line on stdout when it listens. */
import { portSetting } from './port-setting.ts';
import { startSmtpSink } from './smtp-sink.ts';

const sink = await startSmtpSink({
  host: process.env['HOST'] ?? '127.0.0.1',
  smtpPort: portSetting('SMTP_PORT', 1025),
  httpPort: portSetting('PORT', 1080),
  file: process.env['SINK_FILE'],
});
console.log(JSON.stringify({ msg: 'smtp sink listens', smtpUrl: sink.smtpUrl, url: sink.httpUrl }));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void sink.close().then(() => process.exit(0));
  });
}
