/** Before the next delivery of a message whose handler failed: 1 s, doubling, at most 60 s. */
export function redeliveryDelayMillis(deliveryCount: number): number {
  return Math.min(60_000, 1_000 * 2 ** Math.min(16, Math.max(0, deliveryCount - 1)));
}
