/** The faults of a run are data: made from a seed, printed, removed one by one when a failing run is made smaller. */

/** Where an outside effect happens. A process can die before it (it never happened) and after it (it happened, and nobody heard). */
export const effectKinds = [
  'publish',
  'ack',
  'apiWrite',
  'apiRead',
  'commit',
  'providerCall',
  'mail',
] as const;
export type EffectKind = (typeof effectKinds)[number];
export type Side = 'before' | 'after';

/**
 * Faults with a probability: while the window is open, each effect of the kind draws.
 * bus.*: of the message broker. api.*: of the Kubernetes API server. db.*: of a service's database. provider.*: of the payment provider.
 */
export const windowFaults = [
  /** Stored and acknowledged, and gone before anybody read it. */
  'bus.lose',
  /** Delivered again although it was acknowledged. */
  'bus.duplicate',
  /** Delivered late: from one message's time up to ten times a step's timeout. */
  'bus.delay',
  /** Another message of the same consumer goes first. */
  'bus.reorder',
  /** Stored, and the publisher never hears so. */
  'bus.ackLost',
  /** Not stored; the publisher hears nothing. */
  'bus.publishLost',
  /** The acknowledgement of a delivery is lost: it comes again after its time. */
  'bus.consumerAckLost',
  /** The server is away: nothing goes in, nothing comes out. */
  'bus.away',
  'api.conflict',
  'api.tooManyRequests',
  'api.serverError',
  /** Carried out, and the answer is lost. */
  'api.appliedButTimedOut',
  /** Not carried out, and no answer either. */
  'api.lostRequest',
  /** A list answers from an older moment (a lagging watch cache). */
  'api.staleList',
  /** The events of a watch come late. */
  'api.watchDelay',
  'api.away',
  /** The transaction is rolled back: serialization failure, deadlock, lost connection. */
  'db.abort',
  /** The commit happened, the connection broke before it said so. */
  'db.commitUnknown',
  /** The commit did not happen, the connection broke before it said so. */
  'db.commitLost',
  'db.slow',
  /** Nobody gets a connection. */
  'db.away',
  /** A 500 that the provider stores under the idempotency key and replays for ever. */
  'provider.storedError',
  /** A 500 before anything happened, not stored. */
  'provider.error',
  /** It did what was asked, and the answer is lost. */
  'provider.silent',
  'provider.slow',
  'provider.away',
  /** Mail or SMS is refused for now. */
  'mail.refused',
] as const;
export type WindowFaultKind = (typeof windowFaults)[number];

/** Faults that happen once, at their moment. */
export const momentFaults = [
  'bus.restart',
  /** The dedupe window is empty after it. */
  'bus.forgetDedupe',
  /** The newest messages of a stream are gone although they were acknowledged; its sequence numbers come again. */
  'bus.loseSuffix',
  'bus.deleteStream',
  'bus.deleteConsumer',
  /** An older copy of the whole store is put back. */
  'bus.restoreOlder',
  /** History is forgotten: watches and continue tokens get 410. */
  'api.compact',
  /** Every open watch breaks. */
  'api.cutWatches',
  /** Watches stay open and nothing comes any more. */
  'api.blackHoleWatches',
  'provider.restart',
] as const;
export type MomentFaultKind = (typeof momentFaults)[number];

export const processFaults = ['process.crash', 'process.crashAt', 'process.pause', 'process.skew'] as const;

export type Fault =
  | {
      readonly kind: WindowFaultKind;
      readonly atMillis: number;
      readonly forMillis: number;
      /** Per effect, in (0, 1]. */
      readonly probability: number;
      /** Only this host's or this stream's; absent: everybody's. */
      readonly target?: string;
    }
  | { readonly kind: MomentFaultKind; readonly atMillis: number; readonly target?: string }
  | {
      readonly kind: 'process.crash';
      readonly atMillis: number;
      readonly host: string;
      readonly downMillis: number;
    }
  /** Dies at the effect boundary that it comes to next, after having passed `skip` of the kind. */
  | {
      readonly kind: 'process.crashAt';
      readonly atMillis: number;
      readonly host: string;
      readonly downMillis: number;
      readonly effect: EffectKind;
      readonly side: Side;
      readonly skip: number;
    }
  | {
      readonly kind: 'process.pause';
      readonly atMillis: number;
      readonly host: string;
      readonly forMillis: number;
    }
  /** Its wall clock is wrong by so much from now on. */
  | {
      readonly kind: 'process.skew';
      readonly atMillis: number;
      readonly host: string;
      readonly byMillis: number;
    };

export type FaultKind = Fault['kind'];
export const faultKinds: readonly FaultKind[] = [...windowFaults, ...momentFaults, ...processFaults];
