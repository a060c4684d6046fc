import { parseArgs } from 'node:util';
import { bundleAll } from '@sagamesh/build/bundle';
import { readMoney, readStock } from '@sagamesh/demo/ledgers';
import { verdictOf } from '@sagamesh/invariants/finding';
import { checkMoneyConservation } from '@sagamesh/invariants/money-conservation';
import { checkStockConservation } from '@sagamesh/invariants/stock-conservation';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { sagaNamespace } from '@sagamesh/sandbox/system/manifests';
import { startSystem } from '@sagamesh/sandbox/system/system';
import type { System } from '@sagamesh/sandbox/system/system';
import { percentile } from './percentile.ts';
import { usageOf } from './process-usage.ts';
import type { ProcessUsage } from './process-usage.ts';
import { openSagaClient } from './saga-client.ts';
import type { LoadResult } from './saga-load.ts';
import { runLoad } from './saga-load.ts';

/**
 * `make bench-smoke [ARGS="--count=200 --concurrency=32"]`: sagas per second on this machine with everything on it, the load included. Figures
 * are to be compared within one run, or on one idle machine. No time is judged; exit code 1 says that a saga or a ledger was wrong.
 */

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    concurrency: { type: 'string', default: '32' },
    /** Sagas that run before the clock does: programs are slower on their first miles. */
    'warm-up': { type: 'string', default: '40' },
  },
});

process.exitCode = await run();

async function run(): Promise<number> {
  const dataDir = await DataDir.temporary();
  let system: System | undefined;
  try {
    await bundleAll();
    system = await startSystem({ dataDir, progress: (line) => console.log(line) });
    return await measure(system);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return 2;
  } finally {
    await system?.stop();
    dataDir.close({ remove: true });
  }
}

async function measure(system: System): Promise<number> {
  const count = Number(values.count);
  const concurrency = Number(values.concurrency);
  const timeoutMillis = 600_000;
  const client = openSagaClient(system.controlPlane.adminKubeconfig, sagaNamespace, concurrency);
  try {
    const warmUp = { count: Number(values['warm-up']), concurrency, prefix: 'warm-up', timeoutMillis };
    await runLoad(client, warmUp);
    const alone = await runLoad(client, { count: 10, concurrency: 1, prefix: 'alone', timeoutMillis });
    const before = usages(system);
    const result = await runLoad(client, { count, concurrency, prefix: 'bench', timeoutMillis });
    report(result, alone, { before, after: usages(system) }, count);
    return (await judge(system, [...result.wrongEnds, ...alone.wrongEnds])) ? 0 : 1;
  } finally {
    await client.close();
  }
}

type Usages = ReadonlyMap<string, ProcessUsage>;

function usages(system: System): Usages {
  const processes = [
    system.controlPlane.etcd,
    system.controlPlane.apiServer,
    system.nats.process,
    ...system.processes.values(),
  ];
  const found = new Map<string, ProcessUsage>();
  for (const { spec, pid } of processes) {
    const usage = pid === undefined ? undefined : usageOf(pid);
    if (usage) found.set(spec.name, usage);
  }
  const own = usageOf(process.pid);
  if (own) found.set('(this load)', own);
  return found;
}

function report(
  { latenciesMillis, elapsedMillis }: LoadResult,
  alone: LoadResult,
  { before, after }: { readonly before: Usages; readonly after: Usages },
  count: number,
): void {
  const at = (percent: number) => Math.round(percentile(latenciesMillis, percent));
  const single = Math.round(percentile(alone.latenciesMillis, 50));
  console.log('');
  console.log(
    `${count} sagas, ${values.concurrency} open at a time: ${perSecond(count, elapsedMillis)} sagas/s`,
  );
  console.log(`creation to terminal condition  p50 ${at(50)} ms   p99 ${at(99)} ms   max ${at(100)} ms`);
  console.log(
    `one at a time                   p50 ${single} ms   (p50 under load is ${(at(50) / single).toFixed(1)} times that)`,
  );
  console.log('');
  console.log('process            CPU ms/saga   share   memory MB');
  const used = [...after].map(([name, usage]) => ({
    name,
    cpuSeconds: usage.cpuSeconds - (before.get(name)?.cpuSeconds ?? 0),
    residentBytes: usage.residentBytes,
  }));
  const total = used.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  for (const { name, cpuSeconds, residentBytes } of used.toSorted((a, b) => b.cpuSeconds - a.cpuSeconds)) {
    const perSaga = ((cpuSeconds * 1_000) / count).toFixed(1).padStart(11);
    const share = `${Math.round((cpuSeconds / total) * 100)} %`.padStart(7);
    console.log(`${name.padEnd(19)}${perSaga}${share}${(residentBytes / 2 ** 20).toFixed(0).padStart(12)}`);
  }
  const cores = total / (elapsedMillis / 1_000);
  console.log(
    `${'all'.padEnd(19)}${((total * 1_000) / count).toFixed(1).padStart(11)}   ${cores.toFixed(2)} cores busy with it`,
  );
  console.log('');
}

function perSecond(count: number, elapsedMillis: number): string {
  return (count / (elapsedMillis / 1_000)).toFixed(1);
}

/** Stock and money, when the last outcome is booked: settling is part of the saga, so that is at once. */
async function judge(system: System, wrongEnds: readonly string[]): Promise<boolean> {
  for (const wrong of wrongEnds) console.log(wrong);
  const stock = await readStock(system);
  const findings = [checkStockConservation(stock), checkMoneyConservation(await readMoney(system))];
  for (const finding of findings) {
    console.log(`${finding.invariant} ${verdictOf(finding)} (${finding.evaluated} looked at)`);
    for (const violation of finding.violations) console.log(`  ${violation}`);
  }
  return wrongEnds.length === 0 && findings.every((finding) => verdictOf(finding) === 'Pass');
}
