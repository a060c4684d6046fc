import type { Facts } from './facts.ts';
import { gatewayPoint } from './points/gateway.ts';
import { meshPoints } from './points/mesh.ts';
import { messagePoints } from './points/messages.ts';
import { processPoints } from './points/processes.ts';
import { storePoints } from './points/stores.ts';
import type { Point, Verdict } from './verdict.ts';

/** The fourteen points, and how they are told. 1 to 8 must be there, 9 to 14 must be absent. */

export const points: readonly Point<Facts>[] = [
  ...storePoints,
  ...messagePoints,
  ...meshPoints,
  gatewayPoint,
  ...processPoints,
].toSorted((left, right) => left.number - right.number);

export interface Judged extends Verdict {
  readonly number: number;
  readonly name: string;
}

export function judgeAll(facts: Facts): readonly Judged[] {
  return points.map(({ number, name, judge }) => ({ number, name, ...judge(facts) }));
}

export function lineOf({ ok, number, name, evidence }: Judged): string {
  return `${ok ? 'PASS' : 'FAIL'} ${String(number).padStart(2)} ${name}: ${evidence}`;
}

/** `14/14` */
export function scoreOf(judged: readonly Judged[]): string {
  return `${judged.filter(({ ok }) => ok).length}/${judged.length}`;
}
