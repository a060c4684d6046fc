import { pino } from 'pino';
import { currentContext } from './correlation.ts';
import { redactObject, redactText } from './redaction.ts';
import { traceIdOf } from './trace-context.ts';

/** Logs: pino JSON, one line each, with the ids of the work at hand and without personal data. */

export type Logger = pino.Logger;

export interface LoggerOptions {
  /** The process: `order`, `operator`, ... */
  readonly name: string;
  /** trace | debug | info | warn | error | fatal | silent; default info. */
  readonly level?: string;
  /** Default: standard output, written asynchronously; `flushLogger` before the process ends. */
  readonly destination?: pino.DestinationStream;
}

function contextOfLine(): object {
  const context = currentContext();
  if (context === undefined) return {};
  return { correlationId: context.correlationId, traceId: traceIdOf(context.traceparent) };
}

export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? pino.destination({ fd: 1, sync: false });
  return pino(
    {
      level: options.level ?? 'info',
      base: { name: options.name },
      mixin: contextOfLine,
      // A line may bring a correlation id of its own (the operator speaks of many sagas at once): that one wins.
      mixinMergeStrategy: (line, context) => ({ ...context, ...line }),
      formatters: { level: (label) => ({ level: label }), log: redactObject },
      serializers: { err: pino.stdSerializers.err },
      hooks: { streamWrite: redactText },
    },
    destination,
  );
}

/** Resolves when everything logged so far is written. Never rejects: there is nowhere left to complain. */
export async function flushLogger(logger: Logger): Promise<void> {
  await new Promise<void>((resolve) => {
    // A reader that went away (closed pipe) must not keep the process from ending.
    const giveUp = setTimeout(resolve, 500);
    logger.flush(() => {
      clearTimeout(giveUp);
      resolve();
    });
  });
}
