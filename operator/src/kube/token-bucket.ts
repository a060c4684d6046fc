/** Limits a rate and allows a burst. Reservations are FIFO: each caller is told how long to wait for its own token. */
export type TokenBucket = { reserve(nowMillis: number): number };

export function createTokenBucket(limit: { readonly qps: number; readonly burst: number }): TokenBucket {
  let tokens = limit.burst;
  let lastMillis: number | undefined;
  return {
    reserve(nowMillis) {
      const elapsedMillis = lastMillis === undefined ? 0 : Math.max(0, nowMillis - lastMillis);
      lastMillis = nowMillis;
      tokens = Math.min(limit.burst, tokens + (elapsedMillis / 1000) * limit.qps) - 1;
      return tokens >= 0 ? 0 : (-tokens / limit.qps) * 1000;
    },
  };
}
