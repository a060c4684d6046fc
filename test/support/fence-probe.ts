import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { Client } from 'pg';
import { z } from 'zod';

/**
 * Looks into the fence of a running service, and can stop one of its transactions exactly at COMMIT: a deferred trigger waits there for a
 * lock that the test holds. From outside, so the service under test is the one that is shipped. PostgreSQL only.
 */
export interface FenceProbe {
  rowsOf(orderId: string): Promise<readonly FenceRowFact[]>;
  /** The state of one row; undefined when there is none that is committed. */
  stateOf(orderId: string, step: string): Promise<string | undefined>;
  /** From now on a transaction that writes this row in this state waits in its COMMIT, until released. */
  holdCommit(place: FencePlaceFact): Promise<CommitHold>;
  stop(): Promise<void>;
}

export interface FencePlaceFact {
  readonly orderId: string;
  readonly step: string;
  readonly state: string;
}

export interface CommitHold {
  /** Resolves when a transaction stands in its COMMIT. Services give up a statement after 10 s, so do not dwell. */
  untilReached(): Promise<void>;
  /** Lets it commit, whether or not its client still lives; safe to call twice. */
  release(): Promise<void>;
}

const rowSchema = z.object({ step: z.string(), state: z.string() });
export type FenceRowFact = z.infer<typeof rowSchema>;

/** Any number; it keeps our advisory locks apart from those of the service. */
const lockSpace = 7_342;

const trigger = `
create or replace function probe_wait_at_commit() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(${lockSpace}, hashtext(new.order_id || '/' || new.step || '/' || new.state));
  return null;
end $$;
drop trigger if exists probe_wait_at_commit on saga_fence;
create constraint trigger probe_wait_at_commit after insert or update on saga_fence
  deferrable initially deferred for each row execute function probe_wait_at_commit();`;

export async function openFenceProbe(databaseUrl: string): Promise<FenceProbe> {
  const client = await connect(databaseUrl);
  await client.query(trigger);
  const holds = new Set<CommitHold>();
  const rowsOf = async (orderId: string): Promise<readonly FenceRowFact[]> => {
    const { rows } = await client.query(
      'select step, state from saga_fence where order_id = $1 order by created_at, step',
      [orderId],
    );
    return z.array(rowSchema).parse(rows);
  };
  return {
    rowsOf,
    stateOf: async (orderId, step) => (await rowsOf(orderId)).find((row) => row.step === step)?.state,
    async holdCommit(place) {
      const hold = await holdCommitOf(databaseUrl, client, place);
      holds.add(hold);
      return hold;
    },
    async stop() {
      for (const hold of holds) await hold.release();
      await client.end();
    },
  };
}

async function holdCommitOf(
  databaseUrl: string,
  watcher: Client,
  { orderId, step, state }: FencePlaceFact,
): Promise<CommitHold> {
  const holder = await connect(databaseUrl);
  await holder.query(`select pg_advisory_lock(${lockSpace}, hashtext($1))`, [`${orderId}/${step}/${state}`]);
  let released: Promise<void> | undefined;
  return {
    untilReached: () =>
      waitUntil(() => isSomebodyWaiting(watcher), {
        timeoutMillis: 60_000,
        what: `the transaction that makes ${step} of ${orderId} ${state}`,
      }),
    // The lock ends with its session.
    release: () => (released ??= holder.end()),
  };
}

async function isSomebodyWaiting(watcher: Client): Promise<boolean> {
  const { rowCount } = await watcher.query(
    `select 1 from pg_locks join pg_database on pg_database.oid = database
     where locktype = 'advisory' and classid = ${lockSpace} and not granted and datname = current_database()`,
  );
  return (rowCount ?? 0) > 0;
}

async function connect(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => undefined); // the next query tells
  await client.connect();
  return client;
}
