import type { Db } from '@sagamesh/kit/db';
import type { DatabaseEngine } from '../fakes/database-engine.ts';
import { SimDatabase } from '../fakes/database.ts';
import { Host, type SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { pump } from './pump.ts';

/** A process that does nothing by itself. */
export function startProcess(sim: Sim): SimProcess {
  const host = new Host({ sim, name: 'suite-1', role: 'suite', program: () => undefined });
  host.start();
  if (host.process === undefined) throw new Error('the host did not start');
  return host.process;
}

/** A simulated database for a suite that knows nothing of virtual time: it runs on until the database is closed. */
export async function openSimulated(
  engineOf: (sim: Sim) => DatabaseEngine | Promise<DatabaseEngine>,
): Promise<Db> {
  const sim = new Sim({ seed: 'suite' });
  const db = new SimDatabase(sim, 'suite', await engineOf(sim)).connect(startProcess(sim));
  db.close = pump(sim);
  return db;
}
