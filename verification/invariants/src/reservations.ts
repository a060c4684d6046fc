import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { isAbandonedAt, viewOf } from './view.ts';

/**
 * I2: per SKU, what sagas still hold (their movements reserved - released - sold) is what the stock row has as reserved; a reservation's state
 * is what its movements say. At rest, who holds something is a saga that is open, or one whose step at the inventory was given up.
 */
export function checkReservations(facts: Facts): Finding {
  const judge = new Judge('I2');
  if (!facts.stockMovements) return judge.finding;
  const { heldBySku, bySaga } = holdings(facts.stockMovements);
  for (const { sku, reserved } of facts.stock ?? []) {
    const held = heldBySku.get(sku) ?? 0;
    judge.look(held === reserved, () => `${sku}: ${reserved} reserved in stock, but sagas hold ${held}`);
  }
  for (const { sagaUid, state } of facts.reservations ?? []) {
    const told = stateOf(bySaga.get(sagaUid));
    judge.look(
      told === state,
      () => `the reservation of saga ${sagaUid} says ${state}, its movements say ${told}`,
    );
  }
  if (facts.sagas && facts.atQuiesce) lookAtHolders(facts, bySaga, judge);
  return judge.finding;
}

interface Holding {
  reserved: number;
  released: number;
  sold: number;
}

function holdings(movements: NonNullable<Facts['stockMovements']>) {
  const heldBySku = new Map<string, number>();
  const bySaga = new Map<string, Holding>();
  for (const { sagaUid, kind, sku, quantity } of movements) {
    if (sagaUid === null || kind === 'initial' || kind === 'restocked') continue;
    heldBySku.set(sku, (heldBySku.get(sku) ?? 0) + (kind === 'reserved' ? quantity : -quantity));
    const holding = bySaga.get(sagaUid) ?? { reserved: 0, released: 0, sold: 0 };
    holding[kind] += quantity;
    bySaga.set(sagaUid, holding);
  }
  return { heldBySku, bySaga };
}

function stateOf(holding: Holding | undefined): string {
  if (!holding || holding.reserved === 0) return 'nothing';
  if (holding.released === holding.reserved) return 'released';
  if (holding.sold === holding.reserved) return 'sold';
  return holding.released + holding.sold === 0 ? 'reserved' : 'a part of it';
}

function lookAtHolders(facts: Facts, bySaga: ReadonlyMap<string, Holding>, judge: Judge): void {
  const { sagaByUid } = viewOf(facts);
  for (const [uid, { reserved, released, sold }] of bySaga) {
    const held = reserved - released - sold;
    const saga = sagaByUid.get(uid);
    const isHis = held <= 0 || saga?.isOpen === true || saga?.fact.forced === true;
    judge.look(
      isHis || isAbandonedAt(saga, 'inventory'),
      () => `${held} pieces are held by ${saga ? `${saga.label}, which has ended` : `saga ${uid}, unknown`}`,
    );
  }
}
