import { AsyncLocalStorage } from 'node:async_hooks';

/** The context of the work at hand: what every log line, outgoing message and HTTP answer of that work carries. One storage per process. */

export interface WorkContext {
  readonly correlationId: string;
  /** W3C `traceparent` of the span in which this work runs. */
  readonly traceparent: string;
}

const storage = new AsyncLocalStorage<WorkContext>();

export function runInContext<R>(context: WorkContext, work: () => R): R {
  return storage.run(context, work);
}

export function currentContext(): WorkContext | undefined {
  return storage.getStore();
}

export function currentCorrelationId(): string | undefined {
  return storage.getStore()?.correlationId;
}
