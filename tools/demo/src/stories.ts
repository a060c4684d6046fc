/** What the demo shows. Each story is one order, how it must end, and what to look at. Data only. */
export interface Story {
  /** File of `manifests/samples/`; null = it comes in by POST /api/v1/orders. */
  readonly sample: string | null;
  readonly title: string;
  readonly outcome: 'Completed' | 'Compensated';
  /** `status.failure.reason`; null when there must be none. */
  readonly failure: string | null;
  /** At the provider, for this order. */
  readonly captures: number;
  readonly refunds: number;
}

export const stories: readonly Story[] = [
  {
    sample: 'good-order.yaml',
    title: 'an order that goes well',
    outcome: 'Completed',
    failure: null,
    captures: 1,
    refunds: 0,
  },
  {
    sample: 'out-of-stock.yaml',
    title: 'nothing left on the shelf: the order is cancelled again',
    outcome: 'Compensated',
    failure: 'OutOfStock',
    captures: 0,
    refunds: 0,
  },
  {
    sample: 'card-declined.yaml',
    title: 'the card is declined: the stock is released again',
    outcome: 'Compensated',
    failure: 'CardDeclined',
    captures: 0,
    refunds: 0,
  },
  {
    sample: 'payment-answer-lost.yaml',
    title: 'the provider takes the money and falls silent; we give up after 2 s and must refund',
    outcome: 'Compensated',
    failure: 'StepTimedOut',
    captures: 1,
    refunds: 1,
  },
  {
    sample: 'payment-answer-late.yaml',
    title: 'the same card with the patience of the default plan: paid once, late',
    outcome: 'Completed',
    failure: null,
    captures: 1,
    refunds: 0,
  },
  {
    sample: null,
    title: 'an order that comes in over HTTP',
    outcome: 'Completed',
    failure: null,
    captures: 1,
    refunds: 0,
  },
];
