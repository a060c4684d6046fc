import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What a process has used so far, as the kernel counts it. Linux only; elsewhere everything is unknown. */
export interface ProcessUsage {
  /** CPU time since its start, all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

const ticksPerSecond = readNumber(['CLK_TCK'], 100);
const pageBytes = readNumber(['PAGESIZE'], 4_096);

export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): the name in parentheses may hold anything; utime is field 14, rss field 24, counted from 1.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuSeconds: ticks / ticksPerSecond, residentBytes: Number(fields[21]) * pageBytes };
  } catch {
    return undefined;
  }
}

function readNumber(names: readonly string[], otherwise: number): number {
  try {
    return Number(execFileSync('getconf', names, { encoding: 'utf8' })) || otherwise;
  } catch {
    return otherwise;
  }
}
