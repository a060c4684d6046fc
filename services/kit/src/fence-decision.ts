import type { Direction } from '@sagamesh/contracts/messages';
import { unreachable } from '@sagamesh/contracts/unreachable';

/** The fence table of docs/architecture.md as a pure function: what a message means at a row. The shell in `fence.ts` does what it says. */

export type FenceState = 'pending' | 'executed' | 'rejected' | 'compensated' | 'tombstone';

/** What the decision looks at. */
export type FencePlace =
  | { readonly kind: 'empty' }
  | { readonly kind: 'row'; readonly state: FenceState; readonly sameRequest: boolean };

export type FenceDecision =
  /** EXECUTE: make the effect and the row. */
  | { readonly kind: 'apply' }
  /** EXECUTE: the outside effect was announced; read the provider's object and continue. */
  | { readonly kind: 'continue' }
  /** COMPENSATE: take the effect back. */
  | { readonly kind: 'undo' }
  /** Take the empty place, so that an EXECUTE that is still under way finds it taken. */
  | { readonly kind: 'bury'; readonly outcome: 'NothingToUndo' | 'Revoked' }
  /** Say again what was said. */
  | { readonly kind: 'repeat'; readonly outcome: 'Executed' | 'Rejected' | 'Compensated' | 'NothingToUndo' }
  /** Nothing changes, and the row has nothing to say about it. */
  | {
      readonly kind: 'answer';
      readonly outcome: 'Fenced' | 'Mismatch' | 'NothingToUndo' | 'Revoked' | 'PivotPassed' | 'NotAPivot';
    };

function decideExecute(place: FencePlace): FenceDecision {
  if (place.kind === 'empty') return { kind: 'apply' };
  switch (place.state) {
    case 'pending':
      return place.sameRequest ? { kind: 'continue' } : { kind: 'answer', outcome: 'Mismatch' };
    case 'executed':
      return place.sameRequest
        ? { kind: 'repeat', outcome: 'Executed' }
        : { kind: 'answer', outcome: 'Mismatch' };
    case 'rejected':
      return { kind: 'repeat', outcome: 'Rejected' };
    case 'compensated':
    case 'tombstone':
      return { kind: 'answer', outcome: 'Fenced' };
    default:
      return unreachable(place.state);
  }
}

/** The request hash plays no part: what has to be undone is what the row says was done. */
function decideCompensate(place: FencePlace): FenceDecision {
  if (place.kind === 'empty') return { kind: 'bury', outcome: 'NothingToUndo' };
  switch (place.state) {
    case 'pending':
    case 'executed':
      return { kind: 'undo' };
    case 'rejected':
      return { kind: 'answer', outcome: 'NothingToUndo' };
    case 'compensated':
      return { kind: 'repeat', outcome: 'Compensated' };
    case 'tombstone':
      return { kind: 'repeat', outcome: 'NothingToUndo' };
    default:
      return unreachable(place.state);
  }
}

function decideRevoke(place: FencePlace): FenceDecision {
  if (place.kind === 'empty') return { kind: 'bury', outcome: 'Revoked' };
  switch (place.state) {
    case 'executed':
      return { kind: 'answer', outcome: 'PivotPassed' };
    case 'rejected':
    case 'compensated':
    case 'tombstone':
      return { kind: 'answer', outcome: 'Revoked' };
    case 'pending':
      // A pivot has no outside effect, so it is never pending: the plan names a wrong step as its pivot.
      return { kind: 'answer', outcome: 'NotAPivot' };
    default:
      return unreachable(place.state);
  }
}

export function decideFence(direction: Direction, place: FencePlace): FenceDecision {
  switch (direction) {
    case 'execute':
      return decideExecute(place);
    case 'compensate':
      return decideCompensate(place);
    case 'revoke':
      return decideRevoke(place);
    default:
      return unreachable(direction);
  }
}
