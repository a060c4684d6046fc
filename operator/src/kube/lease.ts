/** The decisions of Lease-based election, without time or network of their own. Semantics: client-go tools/leaderelection. */
import type { KubeObject } from './kube-object.ts';
import { formatMicroTime } from './micro-time.ts';

export type LeaseSpec = {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
};

export type Lease = KubeObject & { readonly spec?: LeaseSpec };

/** A Lease and the local time at which we first saw it in this version: expiry counts from there, because the holder's clock may be wrong. */
export type ObservedLease = { readonly lease: Lease; readonly sinceMillis: number };

export function observeLease(
  previous: ObservedLease | undefined,
  lease: Lease,
  nowMillis: number,
): ObservedLease {
  const isSame =
    previous?.lease.metadata.uid === lease.metadata.uid &&
    previous.lease.metadata.resourceVersion === lease.metadata.resourceVersion;
  return { lease, sinceMillis: isSame ? previous.sinceMillis : nowMillis };
}

/** Somebody else holds it and has not been silent for its whole duration. */
export function isHeldByAnother(observed: ObservedLease, identity: string, nowMillis: number): boolean {
  const { holderIdentity = '', leaseDurationSeconds = 0 } = observed.lease.spec ?? {};
  if (holderIdentity === '' || holderIdentity === identity) return false;
  return nowMillis < observed.sinceMillis + leaseDurationSeconds * 1000;
}

/** What we write to take or keep the Lease. Fields that we do not know are carried over. */
export function heldLeaseSpec(
  previous: LeaseSpec | undefined,
  identity: string,
  leaseDurationMillis: number,
  wallMillis: number,
): LeaseSpec {
  const time = formatMicroTime(wallMillis);
  const isOurs = previous?.holderIdentity === identity;
  const transitions = previous?.leaseTransitions ?? 0;
  return {
    ...previous,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseDurationMillis / 1000),
    acquireTime: isOurs ? (previous.acquireTime ?? time) : time,
    renewTime: time,
    leaseTransitions: isOurs || previous === undefined ? transitions : transitions + 1,
  };
}

/** Nobody holds it, and whoever waits need not wait. */
export function releasedLeaseSpec(previous: LeaseSpec | undefined, wallMillis: number): LeaseSpec {
  const time = formatMicroTime(wallMillis);
  return { ...previous, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time };
}
