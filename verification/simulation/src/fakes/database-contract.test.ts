import { describeDb } from '@sagamesh/kit/testing/db.behaviour';
import { describeFence } from '@sagamesh/kit/testing/fence.behaviour';
import { describeIdempotencyKeys } from '@sagamesh/kit/testing/idempotency-key.behaviour';
import { describeOutbox } from '@sagamesh/kit/testing/outbox.behaviour';
import { inventoryStepsBehaviour } from '@sagamesh/service-inventory/testing/inventory-steps.behaviour';
import { announcerBehaviour } from '@sagamesh/service-order/testing/announcer.behaviour';
import { orderStepsBehaviour } from '@sagamesh/service-order/testing/order-steps.behaviour';
import { chargeStepBehaviour } from '@sagamesh/service-payment/testing/charge-step.behaviour';
import { paymentStoreBehaviour } from '@sagamesh/service-payment/testing/payment-store.behaviour';
import { Sim } from '../kernel/sim.ts';
import { openSimulated, startProcess } from '../testing/open-simulated.ts';
import { orderSuiteStatements } from '../testing/order-suite-statements.ts';
import { pump } from '../testing/pump.ts';
import {
  harnessStatements,
  inventorySuiteStatements,
  ledgerStatements,
  noteStatements,
  outboxSuiteStatements,
} from '../testing/suite-statements.ts';
import { SimDatabase } from './database.ts';
import { SimProvider } from './provider.ts';
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
chargeStepBehaviour('memory, against the simulated provider', async () => {
  const sim = new Sim({ seed: 'suite' });
  const process = startProcess(sim);
  const provider = new SimProvider(sim);
  const engine = paymentEngine(sim);
  engine.learn(() => harnessStatements(engine));
  return {
    db: new SimDatabase(sim, 'payment', engine).connect(process),
    connect: () => provider.connect(process),
    readLedger: async () => provider.ledger(),
    close: pump(sim),
  };
});

inventoryStepsBehaviour('memory', async () =>
  openSimulated((sim) => {
    const engine = inventoryEngine(sim);
    engine.learn(() => [...harnessStatements(engine), ...inventorySuiteStatements(engine)]);
    return engine;
  }),
);
