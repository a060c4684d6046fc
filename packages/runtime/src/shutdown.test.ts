import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { installShutdown, type Shutdown } from './shutdown.ts';
import { deferred, type Deferred } from './testing/collector.ts';

interface Fixture {
  readonly shutdown: Shutdown;
  readonly events: string[];
  readonly host: EventEmitter;
  readonly exited: Deferred<number>;
  readonly lines: string[];
}

function fixture(timeoutMillis = 5_000): Fixture {
  const lines: string[] = [];
  const exited = deferred<number>();
  const host = Object.assign(new EventEmitter(), { exit: (code: number) => exited.resolve(code) });
  const logger = createLogger({ name: 'test', destination: { write: (line) => lines.push(line) } });
  const shutdown = installShutdown({ logger, timeoutMillis, process: host });
  return { shutdown, events: [], host, exited, lines };
}

describe('shutdown', () => {
  it('goes through the phases in order, and closes last what came first', async () => {
    const { shutdown, events, host, exited } = fixture();
    const note = (name: string) => async (): Promise<void> => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`${name} ends`);
    };
    shutdown.add('close', 'database', note('database'));
    shutdown.add('close', 'broker', note('broker'));
    shutdown.add('finish', 'outbox', note('outbox'));
    shutdown.add('stop', 'http', note('http'));
    shutdown.add('stop', 'consumers', note('consumers'));
    shutdown.add('unready', 'health', note('health'));
    host.emit('SIGTERM');
    expect(await exited.promise).toBe(0);
    expect(events).toEqual([
      'health begins',
      'health ends',
      'http begins',
      'consumers begins',
      'http ends',
      'consumers ends',
      'outbox begins',
      'outbox ends',
      'broker begins',
      'broker ends',
      'database begins',
      'database ends',
    ]);
  });

  it('closes the rest when one part fails, and tells by the exit code', async () => {
    const { shutdown, events, exited, lines } = fixture();
    shutdown.add('close', 'database', () => void events.push('database'));
    shutdown.add('stop', 'http', () => {
      throw new Error('stuck');
    });
    await shutdown.begin('test');
    expect(events).toEqual(['database']);
    expect(await exited.promise).toBe(1);
    expect(lines.some((line) => line.includes('"step":"http"'))).toBe(true);
  });

  it('ends at its deadline, whatever hangs', async () => {
    const { shutdown, exited } = fixture(30);
    shutdown.add('stop', 'http', async () => new Promise(() => undefined));
    await shutdown.begin('test');
    expect(await exited.promise).toBe(1);
  });

  it('ends at once at a second signal', async () => {
    const { shutdown, host, exited } = fixture();
    shutdown.add('stop', 'http', async () => new Promise(() => undefined));
    host.emit('SIGINT');
    host.emit('SIGINT');
    expect(await exited.promise).toBe(130);
  });

  it.each(['uncaughtException', 'unhandledRejection'])('logs %s as fatal and ends with 1', async (kind) => {
    const { host, exited, lines } = fixture();
    host.emit(kind, new Error('broken'));
    expect(await exited.promise).toBe(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'fatal', kind, err: { message: 'broken' } });
  });
});
