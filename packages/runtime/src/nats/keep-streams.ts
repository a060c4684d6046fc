import type { JetStreamManager } from 'nats';
import type { Subscription } from '../broker.ts';
import { ensureError } from '../errors.ts';
import { streamDefinitions } from '../streams.ts';
import { pause } from '../timing.ts';
import type { ConsumeContext } from './consume.ts';
import { makeBucket } from './kv-cache.ts';
import { isTold } from './try-again.ts';

/** Looks every second whether streams and buckets are there, and makes what is missing: for those who may not do it themselves. */

const everyMillis = 1_000;

interface Kept {
  readonly buckets: readonly string[];
  readonly replicas: number;
}

async function existing(jsm: JetStreamManager): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const name of jsm.streams.names()) names.add(name);
  return names;
}

/** Once all streams, so that their settings become what is defined; then those that are missing. */
async function lookOnce(
  context: ConsumeContext,
  { buckets, replicas }: Kept,
  isFirst: boolean,
): Promise<void> {
  const there = await existing(await context.manager());
  const failures: unknown[] = [];
  // One that cannot be made must not cost the others.
  const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => failures.push(error));
  for (const { name } of streamDefinitions) {
    if (isFirst || !there.has(name)) await attempt(context.streams.ensure(name));
  }
  for (const bucket of buckets) {
    if (!there.has(`KV_${bucket}`)) await attempt(makeMissing(context, bucket, replicas));
  }
  if (failures.length > 0) throw failures[0];
}

async function makeMissing(
  { link, logger }: ConsumeContext,
  bucket: string,
  replicas: number,
): Promise<void> {
  await makeBucket(await link.connected(), bucket, replicas);
  logger.info({ bucket }, 'made a bucket that was missing');
}

async function keep(context: ConsumeContext, kept: Kept, stop: AbortSignal): Promise<void> {
  let isFirst = true;
  let failures = 0;
  while (!stop.aborted) {
    if (context.link.isUp()) {
      try {
        await lookOnce(context, kept, isFirst);
        isFirst = false;
        failures = 0;
      } catch (error) {
        failures += 1;
        if (isTold(failures)) {
          const line = { err: ensureError(error), attempt: failures };
          context.logger.warn(line, 'cannot keep the streams; trying again');
        }
      }
    }
    await pause(everyMillis, stop);
  }
}

export function keepStreams(context: ConsumeContext, kept: Kept): Subscription {
  const stopping = new AbortController();
  const ended = keep(context, kept, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
