import { describeDb } from '@sagamesh/kit/testing/db.behaviour';
import { describeFence } from '@sagamesh/kit/testing/fence.behaviour';
import { describeOutbox } from '@sagamesh/kit/testing/outbox.behaviour';
import { inventoryStepsBehaviour } from '@sagamesh/service-inventory/testing/inventory-steps.behaviour';
import { orderStepsBehaviour } from '@sagamesh/service-order/testing/order-steps.behaviour';
import { openSimulated } from '../testing/open-simulated.ts';
import {
  harnessStatements,
  inventorySuiteStatements,
  ledgerStatements,
  noteStatements,
  orderSuiteStatements,
  outboxSuiteStatements,
} from '../testing/suite-statements.ts';
import { bareEngine, inventoryEngine, orderEngine } from './service-databases.ts';

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

orderStepsBehaviour('memory', async () =>
  openSimulated((sim) => {
    const engine = orderEngine(sim);
    engine.learn(() => [...harnessStatements(engine), ...orderSuiteStatements(engine)]);
    return engine;
  }),
);

inventoryStepsBehaviour('memory', async () =>
  openSimulated((sim) => {
    const engine = inventoryEngine(sim);
    engine.learn(() => [...harnessStatements(engine), ...inventorySuiteStatements(engine)]);
    return engine;
  }),
);
