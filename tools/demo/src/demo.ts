import { join } from 'node:path';
import { checkMoneyConservation, moneyTotals } from '@sagamesh/invariants/money-conservation';
import type { MoneyFacts } from '@sagamesh/invariants/money-conservation';
import { checkStockConservation } from '@sagamesh/invariants/stock-conservation';
import type { StockFact } from '@sagamesh/invariants/stock-conservation';
import { verdictOf } from '@sagamesh/invariants/finding';
import { mustRun, repository, sagaNamespace } from '@sagamesh/sandbox/system/manifests';
import type { System } from '@sagamesh/sandbox/system/system';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { z } from 'zod';
import { readMoney, readStock } from './ledgers.ts';
import { conditionChanges } from './saga-view.ts';
import type { SagaView } from './saga-view.ts';
import { stories } from './stories.ts';
import type { Story } from './stories.ts';
import { changeLine, table } from './terminal.ts';
import type { Paint } from './terminal.ts';
import { watchSagas } from './watch-sagas.ts';

/** Plays the stories on a running system, shows what happens, and judges the end from the ledgers. */

export interface DemoOptions {
  readonly system: System;
  readonly print: (line: string) => void;
  readonly paint: Paint;
  /** All stories must have ended by then. */
  readonly timeoutMillis: number;
  /** Ends the play early: what is still open stays open, and nothing is judged. */
  readonly signal: AbortSignal;
}

interface Played {
  readonly story: Story;
  readonly sagaName: string;
}

/** True only if every outcome and both balances are right; false when it was ended early. */
export async function playDemo(options: DemoOptions): Promise<boolean> {
  const { system, print, paint, signal } = options;
  const sagas = new Map<string, SagaView>();
  const startedMillis = performance.now();
  const stopWatching = await watchSagas(system.controlPlane.adminKubeconfig, (saga) => {
    const before = sagas.get(saga.metadata.name);
    sagas.set(saga.metadata.name, saga);
    const changes = conditionChanges(before, saga);
    if (changes.length > 0) print(changeLine(performance.now() - startedMillis, changes, paint));
  });
  try {
    const played: Played[] = [];
    for (const story of stories) {
      if (signal.aborted) return false;
      const sagaName = await begin(system, story);
      played.push({ story, sagaName });
      print(paint('cyan', `> ${sagaName}: ${story.title}`));
    }
    await untilAllEnded(played, sagas, options);
    if (signal.aborted) return false;
    return await judge(options, played, sagas);
  } finally {
    stopWatching();
  }
}

async function begin(system: System, story: Story): Promise<string> {
  if (story.sample === null) return postOrder(system);
  const file = join(repository, 'manifests', 'samples', story.sample);
  await mustRun(system.kubectl, ['apply', '-n', sagaNamespace, '-f', file]);
  const name = ['get', '-n', sagaNamespace, '-f', file, '-o', 'jsonpath={.metadata.name}'];
  return mustRun(system.kubectl, name);
}

const postedSchema = z.object({ id: z.string() });

async function postOrder(system: System): Promise<string> {
  const response = await fetch(`${system.url('order')}/api/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await system.tokens.token({ customerId: 'grace' })}`,
      'content-type': 'application/json',
      'idempotency-key': `"demo-${Date.now()}"`,
    },
    body: JSON.stringify({
      items: [{ sku: 'HEADSET', quantity: 1 }],
      paymentMethod: 'pm_card_visa',
      contact: { email: 'grace@example.org' },
    }),
  });
  if (response.status !== 201) {
    throw new Error(`POST /api/v1/orders answered ${response.status}: ${await response.text()}`);
  }
  return postedSchema.parse(await response.json()).id;
}

async function untilAllEnded(
  played: readonly Played[],
  sagas: ReadonlyMap<string, SagaView>,
  { timeoutMillis, signal }: DemoOptions,
): Promise<void> {
  const open = () => played.filter(({ sagaName }) => sagas.get(sagaName)?.status.outcome === undefined);
  try {
    await waitUntil(() => signal.aborted || open().length === 0, {
      timeoutMillis,
      what: 'every saga to end',
    });
  } catch {
    // Judged as it stands: the table shows what is still open.
  }
}

async function judge(
  { system, print, paint }: DemoOptions,
  played: readonly Played[],
  sagas: ReadonlyMap<string, SagaView>,
): Promise<boolean> {
  const money = await readMoney(system);
  const stock = await readStock(system);
  const results = played.map((one) => judgeStory(one, sagas.get(one.sagaName), money));
  print('');
  print(
    table([
      ['SAGA', 'OUTCOME', 'REASON', 'PROGRESS', 'SECONDS', 'PROVIDER', 'AS EXPECTED'],
      ...results.map(({ row }) => row),
    ]),
  );
  print('');
  const balanced = judgeBalances(stock, money, print, paint);
  return balanced && results.every(({ right }) => right);
}

function judgeStory({ story, sagaName }: Played, saga: SagaView | undefined, money: MoneyFacts) {
  const ofOrder = ({ orderId }: { readonly orderId: string | null }) => orderId === saga?.spec.order.id;
  const captures = money.captures.filter(ofOrder).length;
  const refunds = money.refunds.filter(ofOrder).length;
  const outcome = saga?.status.outcome ?? 'still open';
  const reason = saga?.status.failure?.reason ?? '';
  const right =
    outcome === story.outcome &&
    reason === (story.failure ?? '') &&
    captures === story.captures &&
    refunds === story.refunds;
  const expected = `${story.outcome}${story.failure ? `/${story.failure}` : ''}, ${moves(story.captures, story.refunds)}`;
  const row = [
    sagaName,
    outcome,
    reason || '-',
    saga?.status.progress ?? '-',
    secondsOf(saga),
    moves(captures, refunds),
    right ? 'yes' : `NO, expected ${expected}`,
  ];
  return { right, row };
}

function moves(captures: number, refunds: number): string {
  return `${captures} captured, ${refunds} refunded`;
}

function secondsOf(saga: SagaView | undefined): string {
  const { startedAt, finishedAt } = saga?.status ?? {};
  if (startedAt === undefined || finishedAt === undefined) return '-';
  return ((Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000).toFixed(2);
}

function judgeBalances(
  stock: readonly StockFact[],
  money: MoneyFacts,
  print: (line: string) => void,
  paint: Paint,
): boolean {
  const sum = (pick: (fact: StockFact) => number) => stock.reduce((total, fact) => total + pick(fact), 0);
  const { capturedCents, refundedCents, confirmedCents } = moneyTotals(money);
  const lines = [
    {
      finding: checkStockConservation(stock),
      text:
        `stock  initial ${sum((fact) => fact.initial)} + restocked ${sum((fact) => fact.restocked)}` +
        ` = available ${sum((fact) => fact.available)} + reserved ${sum((fact) => fact.reserved)} + sold ${sum((fact) => fact.sold)}`,
    },
    {
      finding: checkMoneyConservation(money),
      text: `money  captured ${euros(capturedCents)} - refunded ${euros(refundedCents)} = confirmed orders ${euros(confirmedCents)}`,
    },
  ];
  for (const { finding, text } of lines) {
    const verdict = verdictOf(finding);
    const mark = verdict === 'Pass' ? paint('green', 'balanced') : paint('red', verdict);
    print(`${text}  ${mark} (${finding.invariant}, ${finding.evaluated} looked at)`);
    for (const violation of finding.violations) print(`  ${violation}`);
  }
  return lines.every(({ finding }) => verdictOf(finding) === 'Pass');
}

function euros(cents: number): string {
  return `${(cents / 100).toFixed(2)} EUR`;
}
