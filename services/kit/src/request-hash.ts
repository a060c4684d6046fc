import { createHash } from 'node:crypto';
import type { Command } from '@sagamesh/contracts/messages';

/**
 * What makes two EXECUTEs the same request: service, action, order and the step's `with`. Never results, attempts, deadlines or ids, which
 * differ between sends. The list is part of stored data: to change it, add a version and compare with the version that the row carries.
 */
const hashVersion = 'v1';

/** JSON with sorted keys and without `undefined`, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([left], [right]) => (left < right ? -1 : 1));
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function requestHash(service: string, command: Pick<Command, 'action' | 'order' | 'with'>): string {
  const { action, order, with: parameters } = command;
  return `${hashVersion}:${sha256Hex(canonicalJson({ service, action, order, with: parameters }))}`;
}
