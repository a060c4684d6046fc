import { randomUUID } from 'node:crypto';
import { headerNames } from '@sagamesh/contracts/subjects';
import { currentContext, type WorkContext } from './correlation.ts';

/** W3C Trace Context, level 1, by hand: `00-<trace id>-<span id>-<flags>`. No exporter is needed for the ids to meet in the logs. */

export interface HeaderReader {
  get(name: string): string | undefined;
}

const version00 = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** What may stand in a log line or a header: a foreign value that does not fit is replaced, never passed on. */
const correlationIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;

/** Of a UUID, whose random bits Node draws in batches: many times as fast as drawing a few bytes for every message. */
function randomHexOf(bytes: number): string {
  let hex = '';
  // Its first and its last eight digits are random; the version and the variant stand between them.
  while (hex.length < 2 * bytes) {
    const uuid = randomUUID();
    hex += uuid.slice(0, 8) + uuid.slice(-8);
  }
  return hex.slice(0, 2 * bytes);
}

/** A new trace, marked as sampled. */
export function newTraceparent(randomHex: (bytes: number) => string = randomHexOf): string {
  return `00-${randomHex(16)}-${randomHex(8)}-01`;
}

/** The same trace, a new span. A broken parent starts a new trace, as the standard asks. */
export function childTraceparent(parent: string, randomHex: (bytes: number) => string = randomHexOf): string {
  const match = version00.exec(parent);
  return match === null ? newTraceparent(randomHex) : `00-${match[1]}-${randomHex(8)}-${match[3]}`;
}

export function traceIdOf(traceparent: string): string | undefined {
  return version00.exec(traceparent)?.[1];
}

/** The context that a received message or request asks for; makes what is missing or unusable. */
export function contextFromHeaders(headers: HeaderReader, fallbackCorrelationId?: string): WorkContext {
  const given = headers.get(headerNames.correlationId);
  const usable = given !== undefined && correlationIdPattern.test(given);
  return {
    correlationId: usable ? given : (fallbackCorrelationId ?? randomUUID()),
    traceparent: childTraceparent(headers.get(headerNames.traceparent) ?? ''),
  };
}

/** Headers for whatever is sent on behalf of the current work; `{}` outside of any. */
export function contextHeaders(context: WorkContext | undefined = currentContext()): Record<string, string> {
  if (context === undefined) return {};
  return {
    [headerNames.correlationId]: context.correlationId,
    [headerNames.traceparent]: context.traceparent,
  };
}
