import { describe, expect, it } from 'vitest';
import { Host } from './host.ts';
import type { SimProcess } from './host.ts';
import { Sim } from './sim.ts';

/** A program that makes one effect after the other, and tells how many it heard of. */
function counter(sim: Sim, made: string[], heard: string[]) {
  return async (process: SimProcess) => {
    for (let index = 0; index < 3; index += 1) {
      const what = `${process.nonce}/${index}`;
      await process.effect('commit', what, () => void made.push(what));
      heard.push(what);
    }
    sim.count('ended');
  };
}

async function run(seed: number, faults: Parameters<Sim['faults']['plan']>[0]) {
  const sim = new Sim({ seed });
  const made: string[] = [];
  const heard: string[] = [];
  const host = new Host({ sim, name: 'a', role: 'a', program: counter(sim, made, heard) });
  sim.faults.plan(faults);
  sim.after(0, () => host.start());
  await sim.runUntil(1_000);
  return { made, heard, hash: sim.trace.hash, sim };
}

const crashAt = {
  kind: 'process.crashAt',
  atMillis: 0,
  host: 'a',
  downMillis: 10,
  effect: 'commit',
} as const;

describe('the kernel', () => {
  it('gives the same trace for the same seed, and another for another', async () => {
    const first = await run(1, []);
    expect((await run(1, [])).hash).toBe(first.hash);
    expect((await run(2, [])).hash).not.toBe(first.hash);
  });

  it('lets a process die before an effect: it never happened, and the next process starts anew', async () => {
    const { made } = await run(1, [{ ...crashAt, side: 'before', skip: 1 }]);
    expect(made).toEqual(['a-1/0', 'a-2/0', 'a-2/1', 'a-2/2']);
  });

  it('lets a process die after an effect: it happened, and nobody heard of it', async () => {
    const { made, heard } = await run(1, [{ ...crashAt, side: 'after', skip: 1 }]);
    expect(made).toEqual(['a-1/0', 'a-1/1', 'a-2/0', 'a-2/1', 'a-2/2']);
    expect(heard).not.toContain('a-1/1');
  });

  it('lets nothing reach a paused process until it goes on', async () => {
    const { heard, sim } = await run(1, [{ kind: 'process.pause', atMillis: 1, host: 'a', forMillis: 900 }]);
    expect(heard).toHaveLength(3);
    expect(sim.faults.bitten.get('process.pause')).toBe(1);
  });

  it('opens a window for its time and for its target only', async () => {
    const sim = new Sim({ seed: 1 });
    sim.faults.plan([{ kind: 'bus.lose', atMillis: 10, forMillis: 10, probability: 1, target: 'x' }]);
    const seen: string[] = [];
    for (const atMillis of [5, 15, 25]) {
      sim.after(atMillis, () => {
        for (const target of ['x', 'y'])
          if (sim.faults.bites('bus.lose', target)) seen.push(`${atMillis}${target}`);
      });
    }
    await sim.runUntil(100);
    expect(seen).toEqual(['15x']);
  });
});
