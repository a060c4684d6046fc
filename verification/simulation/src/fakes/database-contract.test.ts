import { describeDb } from '@sagamesh/kit/testing/db.behaviour';
import { describeFence } from '@sagamesh/kit/testing/fence.behaviour';
import { describeIdempotencyKeys } from '@sagamesh/kit/testing/idempotency-key.behaviour';
import { describeOutbox } from '@sagamesh/kit/testing/outbox.behaviour';
import { inventoryStepsBehaviour } from '@sagamesh/service-inventory/testing/inventory-steps.behaviour';
import { announcerBehaviour } from '@sagamesh/service-order/testing/announcer.behaviour';
import { orderStepsBehaviour } from '@sagamesh/service-order/testing/order-steps.behaviour';
import { paymentStoreBehaviour } from '@sagamesh/service-payment/testing/payment-store.behaviour';
import { openSimulated } from '../testing/open-simulated.ts';
import {
  harnessStatements,
  inventorySuiteStatements,
  ledgerStatements,
  noteStatements,
  orderSuiteStatements,
  outboxSuiteStatements,
} from '../testing/suite-statements.ts';
import { bareEngine, inventoryEngine, orderEngine, paymentEngine } from './service-databases.ts';

/** The suites of the real databases and of the steps that run on them. */

describeDb('memory', async () =>
  openSimulated((sim) => {
    const engine = bareEngine(sim);
    engine.learn(noteStatements);
    return engine;
  }),
);

describeFence('memory', async () =>
  openSimulated((sim) => {
    const engine = bareEngine(sim);
    engine.learn(() => harnessStatements(engine));
    engine.learn(ledgerStatements);
    return engine;
  }),
);

describeOutbox('memory', async () =>
  openSimulated((sim) => {
    const engine = bareEngine(sim);
    engine.learn((storage) => outboxSuiteStatements(engine, storage));
    return engine;
  }),
);

describeIdempotencyKeys('memory', async () => openSimulated(bareEngine));

const openOrders = async () =>
  openSimulated((sim) => {
    const engine = orderEngine(sim);
    engine.learn(() => [...harnessStatements(engine), ...orderSuiteStatements(engine)]);
    return engine;
  });
orderStepsBehaviour('memory', openOrders);
announcerBehaviour('memory', openOrders);

paymentStoreBehaviour('memory', async () => openSimulated(paymentEngine));

inventoryStepsBehaviour('memory', async () =>
  openSimulated((sim) => {
    const engine = inventoryEngine(sim);
    engine.learn(() => [...harnessStatements(engine), ...inventorySuiteStatements(engine)]);
    return engine;
  }),
);
