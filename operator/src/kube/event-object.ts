/** An events.k8s.io/v1 Event as the API server accepts it. Limits: k8s.io/kubernetes pkg/apis/core/validation/events.go. */
import { formatMicroTime } from './micro-time.ts';

export type ObjectReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
};

export type EventInput = {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** Why it happened: CamelCase, at most 128 bytes. */
  readonly reason: string;
  /** What the controller did: CamelCase, at most 128 bytes. */
  readonly action: string;
  /** For people; cut to 1024 bytes. */
  readonly note: string;
};

export type EventSource = { readonly reportingController: string; readonly reportingInstance: string };

const noteBytesMax = 1024;
const labelBytesMax = 128;
const nameCharactersMax = 253;

/** Occurrences with the same key are one Event that counts (KEP-383). The note is not part of it. */
export function eventKey(event: EventInput): string {
  const { type, action, reason, regarding, related } = event;
  return JSON.stringify([type, action, reason, regarding, related]);
}

/** Events of cluster-scoped objects live in 'default', as client-go has it. */
export function eventNamespace(event: EventInput): string {
  return event.regarding.namespace ?? 'default';
}

/** Unique, because a lost and repeated Event must not clash with another one: time and randomness. */
export function eventName(event: EventInput, wallMillis: number, random: number): string {
  const suffix = `${Math.floor(wallMillis).toString(16)}${Math.floor(random * 2 ** 32)
    .toString(16)
    .padStart(8, '0')}`;
  const base = event.regarding.name
    .slice(0, nameCharactersMax - suffix.length - 1)
    .replace(/[^a-z0-9]+$/, '');
  return `${base}.${suffix}`;
}

export function eventBody(
  event: EventInput,
  source: EventSource,
  name: string,
  wallMillis: number,
  series: EventSeries | undefined,
): object {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: eventNamespace(event) },
    eventTime: formatMicroTime(wallMillis),
    type: event.type,
    reason: cut(event.reason, labelBytesMax),
    action: cut(event.action, labelBytesMax),
    note: cut(event.note, noteBytesMax),
    regarding: event.regarding,
    ...(event.related === undefined ? {} : { related: event.related }),
    reportingController: source.reportingController,
    reportingInstance: cut(source.reportingInstance, labelBytesMax),
    ...(series === undefined ? {} : { series: seriesBody(series) }),
  };
}

/** `count` is at least 2, or the API server refuses it. */
export type EventSeries = { readonly count: number; readonly lastWallMillis: number };

export function seriesBody(series: EventSeries): object {
  return { count: series.count, lastObservedTime: formatMicroTime(series.lastWallMillis) };
}

/** Cuts to whole characters within so many UTF-8 bytes. */
function cut(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  // 10xxxxxx continues a character: step back to where one begins.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
