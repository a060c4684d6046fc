import {
  changeFirst,
  honestFacts,
  withCode,
  withManifests,
  withRunning,
  withWorkload,
} from '../honest-facts.ts';
import type { Violation } from './violation.ts';

/** Seeded violations of points 1, 9 and 14: where the data are. */

const { running } = honestFacts;
const place = { at: 'services/order/src/x.ts:7', what: 'PREPARE TRANSACTION' };

export const storeViolations: readonly Violation[] = [
  {
    what: 'two services are given the same store',
    facts: withWorkload('inventory', {
      variables: [
        { name: 'NATS_URL', value: 'nats://nats:4222', secret: null },
        { name: 'DATABASE_URL', value: null, secret: 'order-db/url' },
      ],
    }),
    red: [1, 9],
    says: 'kind: order-db/url is the store of more than one service',
  },
  {
    what: 'two processes are connected to one database',
    facts: withRunning({ stores: running.stores.map((one) => ({ ...one, url: 'postgresql://one/shop' })) }),
    red: [1],
    says: 'more than one service is connected to postgresql://one/shop',
  },
  {
    what: 'a table is created by two services',
    facts: withCode('inventory', { tables: ['order_table'] }),
    red: [1],
    says: 'more than one service creates the table order_table',
  },
  {
    what: "a service is admitted to another's database",
    facts: withManifests(({ callers }) => ({
      callers: callers.map((one) => (one.callee === 'order-db' ? { ...one, from: ['order', 'user'] } : one)),
    })),
    red: [9],
    says: 'AuthorizationPolicy of order-db admits order, user',
  },
  {
    what: "a statement names another service's table",
    facts: withCode('order', {
      foreignTables: [{ ...place, what: 'names the table stock of another service' }],
    }),
    red: [9],
    says: 'services/order/src/x.ts:7: names the table stock',
  },
  {
    what: 'somebody is connected to a store whose service is stopped',
    facts: withRunning({ stores: changeFirst(running.stores, { connectionsWhileStopped: 2 }) }),
    red: [9],
    says: '2 connections to the store of order are not its own',
  },
  {
    what: 'a statement prepares a transaction',
    facts: withCode('order', { twoPhase: [place] }),
    red: [14],
    says: 'services/order/src/x.ts:7: PREPARE TRANSACTION',
  },
  {
    what: 'a server allows prepared transactions',
    facts: withRunning({ stores: changeFirst(running.stores, { preparedMax: 64 }) }),
    red: [14],
    says: 'the server allows 64 prepared transactions',
  },
  {
    what: 'a table is in two stores',
    facts: withRunning({
      stores: running.stores.map((one) => ({ ...one, ownTables: [...one.ownTables, 'shared'] })),
    }),
    red: [1],
    says: 'shared is in two stores',
  },
  {
    what: 'a store is empty',
    facts: withRunning({ stores: changeFirst(running.stores, { ownTables: [] }) }),
    red: [1],
    says: 'order has no table',
  },
  {
    what: 'a keeper of data was not looked at',
    facts: withRunning({ stores: running.stores.slice(1) }),
    red: [1],
    says: 'order was not looked at',
  },
  {
    what: 'a keeper of data has no store in the manifests',
    facts: withWorkload('order', {
      variables: [{ name: 'NATS_URL', value: 'nats://nats:4222', secret: null }],
    }),
    red: [1],
    says: 'kind: order has tables and no DATABASE_URL',
  },
  {
    what: 'a database has no NetworkPolicy',
    facts: withManifests(({ callers }) => ({
      callers: callers.filter(({ callee, policy }) => callee !== 'order-db' || policy !== 'NetworkPolicy'),
    })),
    red: [9],
    says: 'kind: order-db has no NetworkPolicy',
  },
  {
    what: 'a service was never connected, so its absence proves nothing',
    facts: withRunning({ stores: changeFirst(running.stores, { connections: 0 }) }),
    red: [9],
    says: 'order was never connected to its store',
  },
  {
    what: 'a transaction stands prepared',
    facts: withRunning({ stores: changeFirst(running.stores, { prepared: 1 }) }),
    red: [14],
    says: 'order: 1 prepared transactions',
  },
  {
    what: 'a database reaches another',
    facts: withRunning({ stores: changeFirst(running.stores, { links: 1 }) }),
    red: [14],
    says: 'order: 1 links to other databases',
  },
];
