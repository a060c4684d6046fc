import type { Tx } from '@sagamesh/kit/db';
import { z } from 'zod';

/** What an auditor compares: the running totals beside what the append-only movements add up to. One statement, so one moment. */

const ledgerLineSchema = z.object({
  sku: z.string(),
  /** From the movements. */
  initial: z.int(),
  restocked: z.int(),
  /** From the running totals. */
  available: z.int(),
  reserved: z.int(),
  sold: z.int(),
});
export type LedgerLine = z.infer<typeof ledgerLineSchema>;

export async function readStockLedger(
  tx: Tx,
  after: string | null,
  limit: number,
): Promise<readonly LedgerLine[]> {
  const { rows } = await tx.query(
    `select s.sku, s.available, s.reserved, s.sold,
            coalesce(sum(m.quantity) filter (where m.kind = 'initial'), 0)::bigint as initial,
            coalesce(sum(m.quantity) filter (where m.kind = 'restocked'), 0)::bigint as restocked
       from stock s left join movements m on m.sku = s.sku and m.kind in ('initial', 'restocked')
      where $1::text is null or s.sku collate "C" > $1
      group by s.sku order by s.sku collate "C" limit $2`,
    [after, limit],
  );
  return rows.map((row) => ledgerLineSchema.parse(row));
}
