/** Waiting, cancellable and bounded. */

/** Rejects with `new Error(message)` when `work` takes longer. The work itself goes on; its late failure is swallowed. */
export async function withTimeout<T>(work: Promise<T>, timeoutMillis: number, message: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(message)), timeoutMillis);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Resolves after the time or at once when the signal fires; never rejects. */
export async function pause(millis: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, millis);
    signal?.addEventListener('abort', done);
  });
}
