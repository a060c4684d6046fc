import type { ReplyOutcome } from '@sagamesh/contracts/messages';
import type { Facts, FenceChange, ReplyFact } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { groupBy, viewOf } from './view.ts';

/**
 * I13, at every moment: a place (saga, step) has one committed value. Its row only moves empty -> pending | executed | rejected | tombstone,
 * pending -> executed | rejected | compensated, executed -> compensated, and never goes; one service alone holds it; and all replies about it, whoever asked
 * and in whatever order they come, tell one story with one stored result. Failed and Mismatch say nothing about the value.
 */
export function checkFenceValues(facts: Facts): Finding {
  const judge = new Judge('I13');
  const changed = lookAtChanges(facts, judge);
  lookAtRows(facts, changed, judge);
  for (const [uid, replies] of viewOf(facts).history.replies) {
    for (const [step, ofStep] of groupBy(replies, ({ reply }) => reply.step)) {
      lookAtReplies(`${uid}/${step}`, ofStep, judge);
    }
  }
  return judge.finding;
}

const next: Readonly<Record<FenceChange['state'] | 'empty', readonly FenceChange['state'][]>> = {
  empty: ['pending', 'executed', 'rejected', 'tombstone'],
  pending: ['executed', 'rejected', 'compensated'],
  executed: ['compensated'],
  rejected: [],
  compensated: [],
  tombstone: [],
  deleted: [],
};

function lookAtChanges(facts: Facts, judge: Judge): ReadonlyMap<string, FenceChange> {
  const states = new Map<string, FenceChange>();
  for (const change of facts.fenceChanges ?? []) {
    const at = `${change.service}: ${change.sagaUid}/${change.step}`;
    const before = states.get(at)?.state ?? 'empty';
    states.set(at, change);
    judge.look(
      change.state === before || next[before].includes(change.state),
      () => `${at} was ${before} and became ${change.state}`,
    );
  }
  return states;
}

function lookAtRows(facts: Facts, changed: ReadonlyMap<string, FenceChange>, judge: Judge): void {
  const services = new Map<string, string>();
  for (const { service, sagaUid, step, state } of facts.fenceRows ?? []) {
    const at = `${sagaUid}/${step}`;
    const other = services.get(at);
    services.set(at, service);
    judge.look(
      other === undefined,
      () =>
        `${at} has ${other === service ? `two rows at ${service}` : `a row at ${other} and at ${service}`}`,
    );
    const told = changed.get(`${service}: ${at}`);
    judge.also(
      !told || told.state === state,
      () => `${service}: ${at} is ${state}, but ${told?.state} was committed last`,
    );
  }
}

/** Words that no single place can both say, because of the fence table. */
const contradictions: readonly (readonly [ReplyOutcome, ReplyOutcome])[] = [
  ['Executed', 'Rejected'],
  ['Executed', 'NothingToUndo'],
  ['Executed', 'Revoked'],
  ['Rejected', 'Compensated'],
  ['Rejected', 'PivotPassed'],
  ['Rejected', 'Fenced'],
  ['Compensated', 'NothingToUndo'],
  ['Compensated', 'PivotPassed'],
  ['NothingToUndo', 'PivotPassed'],
  ['Revoked', 'PivotPassed'],
  ['Fenced', 'PivotPassed'],
];

function lookAtReplies(at: string, replies: readonly ReplyFact[], judge: Judge): void {
  const said = new Set<ReplyOutcome>();
  const results = new Map<ReplyOutcome, Readonly<Record<string, string>>>();
  const restated: string[] = [];
  for (const { reply } of replies) {
    const { outcome, result } = reply;
    said.add(outcome);
    if (outcome !== 'Executed' && outcome !== 'Compensated') continue;
    const first = results.get(outcome);
    if (!first) results.set(outcome, result);
    else if (!isSame(first, result)) restated.push(outcome);
  }
  const contradiction = contradictions.find(([one, other]) => said.has(one) && said.has(other));
  judge.look(contradiction === undefined, () => `${at} said both ${contradiction?.join(' and ')}`);
  judge.also(restated.length === 0, () => `${at} said ${restated[0]} with different results`);
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
