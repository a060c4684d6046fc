import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  cacheVariables,
  ConfigError,
  httpVariables,
  integerVariable,
  listVariable,
  natsVariables,
  processVariables,
  readConfig,
  switchVariable,
} from './config.ts';

const schema = z.object({
  ...processVariables,
  ...httpVariables(3000),
  ...natsVariables,
  ...cacheVariables,
  DATABASE_URL: z.string('expected a database URL'),
  SEED: switchVariable(true),
  NAMES: listVariable(),
});

const enough = { NATS_URL: 'nats://127.0.0.1:4222', DATABASE_URL: 'pglite:memory' };

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('fills in defaults and freezes the result', () => {
    const config = readConfig(schema, enough);
    expect(config).toMatchObject({
      PORT: 3000,
      HOST: '0.0.0.0',
      LOG_LEVEL: 'info',
      SHUTDOWN_TIMEOUT_MILLIS: 20_000,
      NATS_REPLICAS: 1,
      SEED: true,
      NAMES: [],
    });
    expect(config.CACHE_URL).toBeUndefined();
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads numbers, switches and lists', () => {
    const env = { ...enough, PORT: '0', SEED: 'off', NAMES: 'a, b,,c', NATS_REPLICAS: '3' };
    expect(readConfig(schema, env)).toMatchObject({
      PORT: 0,
      SEED: false,
      NAMES: ['a', 'b', 'c'],
      NATS_REPLICAS: 3,
    });
  });

  it('takes a blank variable for one that is not set', () => {
    expect(readConfig(schema, { ...enough, PORT: '', CACHE_URL: ' ' })).toMatchObject({ PORT: 3000 });
  });

  it('names every problem at once, and what is expected', () => {
    const problems = problemsOf({
      PORT: '70000',
      LOG_LEVEL: 'loud',
      NATS_URL: 'http://x',
      SEED: 'maybe',
      CACHE_URL: 'x',
    });
    expect(problems).toEqual([
      'LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent',
      'PORT: expected a whole number from 0 to 65535',
      'NATS_URL: expected one or more URLs that start with nats:// or tls://, comma separated',
      'CACHE_URL: expected a URL that starts with redis:// or rediss://',
      'DATABASE_URL is missing: expected a database URL',
      'SEED: expected on or off (or true/false, yes/no, 1/0)',
    ]);
  });

  it('never repeats a value, for it may be a password', () => {
    const problems = problemsOf({ ...enough, NATS_URL: 'https://user:s3cret@host' });
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('s3cret');
  });

  it.each(['1.5', '1e3', ' 7', '0x10', 'NaN'])('does not take %j for a whole number', (text) => {
    expect(integerVariable(0, 10_000).safeParse(text).success).toBe(false);
  });
});
