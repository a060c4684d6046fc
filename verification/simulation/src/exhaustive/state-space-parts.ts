import { decideFence } from '@sagamesh/kit/fence-decision';
import { decide } from '@sagamesh/operator/saga/decide';
import { evolve } from '@sagamesh/operator/saga/evolve';
import { restore } from '@sagamesh/operator/saga/restore';
import { nextChargeMove, nextSettleMove } from '@sagamesh/service-payment/charge-decision';

/** The product's own functions, which the search asks. A test that judges the search puts a broken one in. */
export interface Parts {
  readonly evolve: typeof evolve;
  readonly decide: typeof decide;
  readonly restore: typeof restore;
  readonly decideFence: typeof decideFence;
  readonly nextChargeMove: typeof nextChargeMove;
  readonly nextSettleMove: typeof nextSettleMove;
  /** What the shells around them do; each true in the product. */
  readonly shell: {
    /** `pending` is committed before the provider is called. */
    readonly intentFirst: boolean;
    /** The transaction after the provider's answer looks at the row again. */
    readonly decidesAgain: boolean;
    /** Writes carry the resourceVersion that was read. */
    readonly writesWithVersion: boolean;
  };
}

export const realParts: Parts = {
  evolve,
  decide,
  restore,
  decideFence,
  nextChargeMove,
  nextSettleMove,
  shell: { intentFirst: true, decidesAgain: true, writesWithVersion: true },
};
