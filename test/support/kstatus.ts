import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import { conditionsOf, describeSaga } from './saga-watch.ts';
import type { SagaWatch } from './saga-watch.ts';

/**
 * What tools that know nothing of sagas make of them: the rules of kstatus for custom types (sigs.k8s.io/cli-utils, pkg/kstatus), as used by
 * Flux, Argo CD and kpt. Written down here once more, on purpose, so that the operator is not judged by its own table.
 */
export type Kstatus = 'InProgress' | 'Current' | 'Failed' | 'Terminating';

export function kstatusOf(saga: OrderSaga): Kstatus {
  const { conditions = [], observedGeneration } = saga.status;
  const isTrue = (type: string) => conditions.some((one) => one.type === type && one.status === 'True');
  if (saga.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (observedGeneration !== undefined && observedGeneration !== saga.metadata.generation)
    return 'InProgress';
  if (isTrue('Reconciling')) return 'InProgress';
  if (isTrue('Stalled')) return 'Failed';
  if (conditions.length === 0 || isTrue('Ready')) return 'Current';
  return 'InProgress';
}

/** Per reason: Succeeded, Ready, Reconciling, Stalled. */
const truths: Readonly<Record<string, string>> = {
  StepRunning: 'Unknown False True False',
  Suspended: 'Unknown False False False',
  Completed: 'True True False False',
  Compensating: 'Unknown False True False',
  Compensated: 'False False False True',
  CompensationStuck: 'Unknown False False True',
  RevokeStuck: 'Unknown False False True',
  StepStuck: 'Unknown False False True',
  ServiceUnknown: 'Unknown False True False',
  Cancelling: 'Unknown False True False',
  Deleting: 'Unknown False True False',
  Abandoned: 'False False False True',
};

/** Every reason that was ever shown. */
export function reasonsSeen(watch: SagaWatch): ReadonlySet<string> {
  const all = watch.names().flatMap((name) => watch.versions(name));
  return new Set(all.flatMap(({ status }) => status.conditions?.map(({ reason }) => reason) ?? []));
}

/** What is wrong with any stored version of any saga; empty = all lawful. */
export function unlawfulConditions(watch: SagaWatch): string[] {
  return watch.names().flatMap((name) => {
    const versions = watch.versions(name);
    return versions.flatMap((saga, index) =>
      [...problemsOf(saga), ...jumps(versions[index - 1], saga)].map(
        (problem) => `${name}: ${problem} in ${describeSaga(saga)}`,
      ),
    );
  });
}

function problemsOf(saga: OrderSaga): string[] {
  const { conditions, outcome } = saga.status;
  if (!conditions?.length) return outcome === undefined ? [] : ['an outcome without conditions'];
  const table = conditionsOf(saga);
  const entries = [table.Succeeded, table.Ready, table.Reconciling, table.Stalled];
  const [reason = ''] = new Set(entries.map((entry) => entry.split('/')[1] ?? ''));
  const shown = entries.map((entry) => entry.replace(`/${reason}`, '')).join(' ');
  const endsAs = ['Completed', 'Compensated', 'Abandoned'].includes(reason) ? reason : undefined;
  return [
    ...(shown === truths[reason] ? [] : [`${reason} shown as ${shown}, not ${truths[reason] ?? 'known'}`]),
    ...(outcome === endsAs ? [] : [`outcome ${outcome ?? 'unset'} beside ${reason}`]),
    ...(conditions.every((one) => one.observedGeneration === saga.status.observedGeneration)
      ? []
      : ['conditions of different generations']),
  ];
}

/** `lastTransitionTime` moves when, and only when, the status does (API conventions). */
function jumps(before: OrderSaga | undefined, after: OrderSaga): string[] {
  if (before?.metadata.uid !== after.metadata.uid) return [];
  return (after.status.conditions ?? []).flatMap((now) => {
    const old = before.status.conditions?.find(({ type }) => type === now.type);
    if (!old || (old.status === now.status) === (old.lastTransitionTime === now.lastTransitionTime))
      return [];
    return [
      `${now.type} went from ${old.status} to ${now.status}, its transition time from ${old.lastTransitionTime} to ${now.lastTransitionTime}`,
    ];
  });
}
