/** Bugs of the product that this proof found. A bug of the simulation itself is none; nor is one that a reader found. */

export interface TrackRecord {
  readonly bug: string;
  readonly foundBy: string;
  /** Seed, scope or case. Seeds are of the commit before the fix: plans change with the code that makes them. */
  readonly where: string;
  /** Commit. */
  readonly fix: string;
}

const reflector = 'suite of the reflector, on the fake and on a real kube-apiserver';
const elector = 'suite of the electors, on the fake and on a real kube-apiserver';

/** Newest first. */
export const trackRecord: readonly TrackRecord[] = [
  {
    bug: 'A spec that was changed between the outcome and the release of the finalizer was never acknowledged in observedGeneration.',
    foundBy: 'simulation',
    where: 'user actions aimed at living sagas',
    fix: 'a99cf2e',
  },
  {
    bug: 'Of two operators that led, the one that had not heard of an abandoned step erased it from the status.',
    foundBy: 'search of small scopes',
    where: 'scopes in which a person may abandon a step',
    fix: '339f88e',
  },
  {
    bug: 'A stream that is made again while the server still removes it answers, and never stores a message; the streams were made again at once.',
    foundBy: 'broker suite on nats-server 2.15.2',
    where: 'a deleted stream: 6 of 17 rounds of delete and publish before the fix, 0 of 97 with it',
    fix: '2aae64b',
  },
  {
    bug: 'SQLSTATE 25P03 (the server ended an idle transaction, since its process stood still) counted as lasting instead of as one to try again.',
    foundBy: 'simulated databases, then a test on PostgreSQL',
    where: '`process.pause` inside a transaction',
    fix: 'ecb25ac',
  },
  {
    bug: 'Between decision and write the cache had moved on: the projection of an older belief overwrote a recorded failure, under the newest resourceVersion.',
    foundBy: 'simulation',
    where:
      'seed 8, with a Lease that lies; `verification/simulation/regressions/status-on-a-newer-object.json`',
    fix: '736b9f9',
  },
  {
    bug: "Two operators that both believed they lead overwrote each other's status hundreds of times, and with it the recorded cause of an abort.",
    foundBy: 'simulation',
    where:
      'seed 25, with a Lease that lies; `verification/simulation/regressions/two-leaders-overwrite-status.json`',
    fix: 'aa7a3cf',
  },
  {
    bug: 'Each database that was ever opened made every later promise of the process slower: one async storage each, never freed.',
    foundBy: 'speed of the simulation',
    where: 'a process that opens many databases',
    fix: '5b8d966',
  },
  {
    bug: "The Event recorder came back sooner than the server's `Retry-After`.",
    foundBy: 'suite of the recorder, on the fake and on a real kube-apiserver',
    where: 'an answer 429 with `Retry-After`',
    fix: 'da05995',
  },
  {
    bug: 'The count of an Event series that was added while the one before was on its way was lost when the recorder stopped.',
    foundBy: "kernel's suite on the simulated API server",
    where: 'an answer that takes its time',
    fix: '6c932fa',
  },
  {
    bug: 'A deleted Lease let a second leader in beside its holder.',
    foundBy: elector,
    where: 'the Lease is deleted',
    fix: '80a4e53',
  },
  {
    bug: 'Who had lost the lead renewed the Lease with a late answer.',
    foundBy: elector,
    where: 'an answer to its renewal that comes late',
    fix: '80a4e53',
  },
  {
    bug: 'A candidate that was stopped while it looked at the Lease still took it.',
    foundBy: elector,
    where: 'a stop in the middle of a look',
    fix: '80a4e53',
  },
  {
    bug: 'A leader kept writing over a holder who names no duration.',
    foundBy: elector,
    where: 'a Lease without a duration',
    fix: '80a4e53',
  },
  {
    bug: 'A watch that ends at once after replaying an old event was opened again without a pause.',
    foundBy: reflector,
    where: 'a server that closes at once',
    fix: '11b9d2e',
  },
  {
    bug: 'JSON that is no list passed for an empty one, so everything counted as deleted.',
    foundBy: reflector,
    where: 'a 200 with other JSON',
    fix: '11b9d2e',
  },
  {
    bug: 'A far `Retry-After` put the reflector to sleep for as long.',
    foundBy: reflector,
    where: 'a date from a wrong clock',
    fix: '11b9d2e',
  },
  {
    bug: 'An object that became unreadable, or was deleted while unreadable, stayed in the store in its old state.',
    foundBy: reflector,
    where: 'an object that cannot be converted',
    fix: '11b9d2e',
  },
];
