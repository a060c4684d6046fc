import type { OrderEngine } from '../fakes/service-databases.ts';
import { changed, numberOf, rowsOf, textOf, type Statement } from '../fakes/tables/statement.ts';

/** What the suites of the order service send besides what the service sends. */

/** services/order/src/testing/announcer.behaviour.ts */
function announcerSuiteStatements({ own: { orders } }: OrderEngine): readonly Statement[] {
  return [
    {
      text: `update orders set announce_at = announce_at - $1 * interval '1 hour'`,
      run: (params) => {
        const millis = numberOf(params, 1) * 3_600_000;
        for (const row of orders.values())
          if (row.announce_at !== null)
            orders.replace(row.id, { ...row, announce_at: new Date(row.announce_at.getTime() - millis) });
        return changed(orders.size);
      },
    },
    {
      text: 'select distinct announcements from orders',
      run: () => {
        const found = new Set([...orders.values()].map((row) => row.announcements));
        return rowsOf([...found].map((announcements) => ({ announcements })));
      },
    },
  ];
}

/** services/order/src/testing/order-steps.behaviour.ts, announcer.behaviour.ts */
export function orderSuiteStatements(engine: OrderEngine): readonly Statement[] {
  const { orders, prices } = engine.own;
  const change = (id: string, set: object) => {
    const row = orders.get(id);
    if (row !== undefined) orders.replace(id, { ...row, ...set });
    return changed(row === undefined ? 0 : 1);
  };
  return [
    {
      text: 'truncate orders, price_list, outbox, saga_fence',
      run: () => {
        for (const { id } of orders.values()) orders.delete(id);
        for (const { sku } of prices.values()) prices.delete(sku);
        for (const { seq } of engine.outbox.values()) engine.outbox.delete(String(seq));
        for (const row of engine.fence.values()) engine.fence.delete(`${row.saga_uid}/${row.step}`);
        return changed(0);
      },
    },
    {
      text: 'truncate orders, outbox',
      run: () => {
        for (const { id } of orders.values()) orders.delete(id);
        for (const { seq } of engine.outbox.values()) engine.outbox.delete(String(seq));
        return changed(0);
      },
    },
    {
      text: 'update outbox set published_at = now()',
      run: () => {
        for (const row of engine.outbox.values())
          engine.outbox.replace(String(row.seq), { ...row, published_at: new Date() });
        return changed(engine.outbox.size);
      },
    },
    {
      text: 'select event_id, event_type from outbox where published_at is null',
      run: () => rowsOf([...engine.outbox.values()].filter((row) => row.published_at === null)),
    },
    ...announcerSuiteStatements(engine),
    {
      text: 'update price_list set unit_price_cents = 1',
      run: () => {
        for (const row of prices.values()) prices.replace(row.sku, { ...row, unit_price_cents: 1 });
        return changed(prices.size);
      },
    },
    {
      text: 'update orders set saga_uid = null where id = $1',
      run: (params) => change(textOf(params, 1), { saga_uid: null }),
    },
    {
      text: `update orders set state = 'PENDING' where id = $1`,
      run: (params) => change(textOf(params, 1), { state: 'PENDING' }),
    },
  ];
}
