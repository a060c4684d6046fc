import { directionSchema } from '@sagamesh/contracts/messages';
import type { Direction } from '@sagamesh/contracts/messages';
import type { Boundary } from '../kernel/fault-engine.ts';

/** Where in the life of a saga a boundary lies: in words, and by the step that the newest command is about. */

/** What the newest command asks for; undefined: none was sent yet. */
export interface Place {
  readonly step: string;
  readonly direction: Direction;
}

export interface PlacedBoundary extends Boundary {
  readonly place: Place | undefined;
}

export function placed(boundaries: readonly Boundary[]): readonly PlacedBoundary[] {
  let place: Place | undefined;
  return boundaries.map((boundary) => {
    place = commandOf(boundary) ?? place;
    return { ...boundary, place };
  });
}

export function phaseOf({ place }: PlacedBoundary): 'forward' | 'undo' {
  return place === undefined || place.direction === 'execute' ? 'forward' : 'undo';
}

/** E.g. `operator-1 dies after publish saga.cmd.payment.charge (execute processPayment)`. */
export function wordsOf(boundary: Boundary): string {
  const { host, side, effect, what } = boundary;
  const command = commandOf(boundary);
  // A message id is as long as a line and says nothing that the place does not.
  const shown = effect === 'publish' ? (what.split(' ')[0] ?? what) : what;
  const place = command === undefined ? '' : ` (${command.direction} ${command.step})`;
  return `${host} dies ${side} ${effect} ${shown}${place}`;
}

/** Nothing of a saga: the Lease, and transactions that found nothing to do. */
export function isIdle({ effect, what }: Boundary): boolean {
  if (effect === 'apiRead' || effect === 'apiWrite') return what.includes('/leases/');
  return effect === 'commit' && what.endsWith(' 0');
}

/** Message ids of commands are `uid/step/direction/...`. */
function commandOf({ effect, what }: Boundary): Place | undefined {
  if (effect !== 'publish' || !what.startsWith('saga.cmd.')) return undefined;
  const [, messageId = ''] = what.split(' ');
  const [, step, direction] = messageId.split('/');
  const parsed = directionSchema.safeParse(direction);
  return step === undefined || !parsed.success ? undefined : { step, direction: parsed.data };
}
