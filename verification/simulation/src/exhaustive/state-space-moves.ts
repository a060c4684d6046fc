import type { Move } from './state-space.ts';

/** What may happen, numbered. */

export const moveKinds = [
  'takes',
  'proceeds',
  'hears',
  'timesOut',
  'hearsFailed',
  'missesDeadline',
  'reconnects',
  'acts',
  'actsUnheard',
  'actsBelated',
  'savesProgress',
  'observes',
  'restarts',
  'cancels',
  'deletes',
  'suspends',
  'resumes',
  'wipes',
  'abandons',
  'losesMessage',
  'losesAnswer',
  'handlerDies',
  'refuses',
] as const;
export type MoveKind = (typeof moveKinds)[number];

const numbers = new Map(moveKinds.map((kind, index) => [kind, index]));

export function moveTo(kind: MoveKind, who: number, what: number): Move {
  return { kind: numbers.get(kind) ?? -1, who, what };
}
