import { describe, expect, it, onTestFinished } from 'vitest';
import { createHealth, type Health, type HealthCheck } from './health.ts';

interface Fixture {
  readonly health: Health;
  readonly calls: { count: number };
  readonly clock: { millis: number };
  readonly state: { well: boolean };
}

function fixture(overrides: Partial<HealthCheck> = {}): Fixture {
  const clock = { millis: Date.parse('2026-01-01T00:00:00Z') };
  const calls = { count: 0 };
  const state = { well: true };
  const check: HealthCheck = {
    name: 'database',
    check: async () => {
      calls.count += 1;
      if (!state.well)
        throw Object.assign(new Error('connect to 10.0.0.7 as shop'), { code: 'ECONNREFUSED' });
    },
    ...overrides,
  };
  const health = createHealth({ version: '1.2.3', checks: [check], now: () => clock.millis });
  onTestFinished(() => health.close());
  return { health, calls, clock, state };
}

describe('the health document', () => {
  it('has status, checks, version and uptime, and no check that does not apply', async () => {
    const { health, clock } = fixture();
    clock.millis += 61_500;
    expect(await health.document()).toEqual({
      status: 'healthy',
      checks: { database: { status: 'healthy', latencyMillis: 0, since: '2026-01-01T00:01:01.500Z' } },
      version: '1.2.3',
      uptime: 61,
    });
  });

  it('is degraded while any check fails, and tells why without addresses', async () => {
    const { health, state } = fixture();
    state.well = false;
    const document = await health.document();
    expect(document.status).toBe('degraded');
    expect(document.checks['database']).toMatchObject({ status: 'degraded', reason: 'ECONNREFUSED' });
    expect(JSON.stringify(document)).not.toContain('10.0.0.7');
  });

  it('asks at most once a second, however many probes come', async () => {
    const { health, calls, clock } = fixture();
    await Promise.all([health.document(), health.document(), health.document()]);
    clock.millis += 999;
    await health.document();
    expect(calls.count).toBe(1);
    clock.millis += 1;
    await health.document();
    expect(calls.count).toBe(2);
  });

  it('says since when, over many checks', async () => {
    const { health, clock, state } = fixture();
    await health.document();
    clock.millis += 5_000;
    expect((await health.document()).checks['database']?.since).toBe('2026-01-01T00:00:00.000Z');
    state.well = false;
    clock.millis += 5_000;
    await health.document();
    clock.millis += 5_000;
    expect((await health.document()).checks['database']?.since).toBe('2026-01-01T00:00:10.000Z');
  });

  it('does not wait longer for a check than its time', async () => {
    const { health } = fixture({ timeoutMillis: 20, check: async () => new Promise(() => undefined) });
    expect((await health.document()).checks['database']).toMatchObject({
      status: 'degraded',
      reason: 'NoAnswer',
    });
  });
});

describe('readiness', () => {
  it('is refused until started and while draining', async () => {
    const { health } = fixture();
    expect(await health.ready()).toEqual({ ready: false, reason: 'starting' });
    health.setStarted();
    expect(await health.ready()).toEqual({ ready: true, reason: 'serving' });
    health.setDraining();
    health.setStarted();
    expect(await health.ready()).toEqual({ ready: false, reason: 'draining' });
  });

  it('depends only on the checks that gate it', async () => {
    const free = fixture();
    free.state.well = false;
    free.health.setStarted();
    expect((await free.health.ready()).ready).toBe(true);
    const gated = fixture({
      gatesReadiness: true,
      check: async () => Promise.reject(new Error('down')),
    });
    gated.health.setStarted();
    expect(await gated.health.ready()).toEqual({ ready: false, reason: 'database is degraded' });
  });
});

describe('liveness', () => {
  it('asks no check', () => {
    const { health, calls } = fixture();
    expect(health.alive()).toMatchObject({ alive: true });
    expect(calls.count).toBe(0);
  });
});
