import { ensureError } from './errors.ts';
import { flushLogger, type Logger } from './logger.ts';
import { withTimeout } from './timing.ts';

/**
 * The orderly end of a process. On SIGTERM or SIGINT: refuse readiness, stop taking work, finish what runs, close. A hard deadline and a
 * second signal end it at once: everything here must also survive `kill -9`.
 */

/** In this order; inside a phase all at once, but `close` one by one, what was added last first. */
const phases = ['unready', 'stop', 'finish', 'close'] as const;
export type ShutdownPhase = (typeof phases)[number];

/** What shutdown needs of `process`. */
export interface ShutdownProcess {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

export interface Shutdown {
  add(phase: ShutdownPhase, name: string, run: () => void | Promise<void>): void;
  /** Ends the process. Only the first call counts; all resolve when it is done. */
  begin(reason: string, exitCode?: number): Promise<void>;
}

export interface ShutdownOptions {
  readonly logger: Logger;
  /** From the first signal to the exit, whatever hangs. */
  readonly timeoutMillis: number;
  readonly process?: ShutdownProcess;
}

interface Step {
  readonly phase: ShutdownPhase;
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

export function installShutdown(options: ShutdownOptions): Shutdown {
  const { logger } = options;
  const host: ShutdownProcess = options.process ?? process;
  const steps: Step[] = [];
  let ending: Promise<void> | undefined;
  let failed = false;

  async function runStep(step: Step): Promise<void> {
    try {
      await step.run();
    } catch (error) {
      // One part that does not close well must not keep the others from closing.
      failed = true;
      logger.error({ err: ensureError(error), step: step.name }, 'a part did not shut down well');
    }
  }

  async function runPhases(): Promise<void> {
    for (const phase of phases) {
      const due = steps.filter((step) => step.phase === phase);
      if (phase === 'close') for (const step of due.toReversed()) await runStep(step);
      else await Promise.all(due.map(runStep));
    }
  }

  async function end(reason: string, exitCode: number): Promise<void> {
    logger.info({ reason }, 'shutting down');
    try {
      await withTimeout(runPhases(), options.timeoutMillis, 'The shutdown took too long');
      logger.info({ reason }, 'shut down');
    } catch (error) {
      failed = true;
      logger.error({ err: ensureError(error) }, 'giving up the orderly shutdown');
    }
    await flushLogger(logger);
    host.exit(exitCode === 0 && failed ? 1 : exitCode);
  }

  async function begin(reason: string, exitCode = 0): Promise<void> {
    ending ??= end(reason, exitCode);
    return ending;
  }

  async function crash(kind: string, thrown: unknown): Promise<void> {
    // The state is unknown now: no orderly end, others take over from what is committed.
    logger.fatal({ err: ensureError(thrown), kind }, 'the process cannot go on');
    await flushLogger(logger);
    host.exit(1);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    host.on(signal, () => {
      if (ending !== undefined) host.exit(130);
      void begin(signal);
    });
  }
  host.on('uncaughtException', (error) => void crash('uncaughtException', error));
  host.on('unhandledRejection', (reason) => void crash('unhandledRejection', reason));

  return {
    add: (phase, name, run) => void steps.push({ phase, name, run }),
    begin,
  };
}
