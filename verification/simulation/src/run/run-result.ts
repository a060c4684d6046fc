import type { Finding } from '@sagamesh/invariants/finding';

/** What one run of one seed brought to light: figures that add up over runs. */
export interface RunResult {
  readonly seed: number;
  /** Of everything that happened, in order. */
  readonly traceHash: string;
  readonly sagas: number;
  readonly virtualMillis: number;
  readonly eventsRun: number;
  /** By fault kind: how often it really bit. */
  readonly bitten: Readonly<Record<string, number>>;
  /** "Sometimes" counters by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** The last lines of the trace, when they were asked for. */
  readonly traceLines: readonly string[];
}
