import { ConfigError, readConfig } from '@sagamesh/runtime/config';
import { describe, expect, it } from 'vitest';
import { operatorVariables } from './config.ts';

const least = { NATS_URL: 'nats://127.0.0.1:4222' };

describe('the configuration of the operator', () => {
  it('needs no more than a broker', () => {
    expect(readConfig(operatorVariables, least)).toMatchObject({ PORT: 8_080, WATCH_NAMESPACES: [] });
  });

  it('refuses to watch everything but the place where orders come in', () => {
    const blind = { ...least, WATCH_NAMESPACES: 'a,b', INTAKE_NAMESPACE: 'shop' };
    expect(() => readConfig(operatorVariables, blind)).toThrow(ConfigError);
    expect(readConfig(operatorVariables, { ...blind, WATCH_NAMESPACES: 'a,shop' }).WATCH_NAMESPACES).toEqual([
      'a',
      'shop',
    ]);
  });
});
