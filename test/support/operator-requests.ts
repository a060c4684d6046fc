import { operatorUser } from '@sagamesh/sandbox/system/system';
import type { System } from '@sagamesh/sandbox/system/system';
import { isWrite, readAuditLog } from '@sagamesh/sandbox/audit-log';
import type { AuditRecord } from '@sagamesh/sandbox/audit-log';
import { z } from 'zod';

/** What the operator asked of the API server, as the server itself has it on record: the judge of every promise about writes. */
export interface OperatorRequests {
  all(): Promise<readonly AuditRecord[]>;
  /** Writes to one OrderSaga, in order; the TTL delete and refused ones (409) included. */
  sagaWrites(name: string): Promise<readonly AuditRecord[]>;
  /** Each time somebody looked at the operators' Lease: whoever holds it renews it blindly, so these are those who wait. */
  leaseReads(): Promise<readonly AuditRecord[]>;
  /** Who took or renewed the operators' Lease, in order; refused tries (409) not included. Needs `leaseBodies`. */
  leaseHolders(): Promise<readonly string[]>;
  /** Writes of Events about one OrderSaga: an Event is named from its object. */
  eventWrites(name: string): Promise<readonly AuditRecord[]>;
}

/** Start the system with these bodies, so that what a write carried can be read. */
export const sagaBodies = [{ group: 'sagamesh.dev', resources: ['ordersagas', 'ordersagas/status'] }];

export const leaseBodies = [{ group: 'coordination.k8s.io', resources: ['leases'] }];

const leaseBodySchema = z.object({ spec: z.object({ holderIdentity: z.string() }) });

export function operatorRequests(system: Pick<System, 'controlPlane'>): OperatorRequests {
  const read = (wanted: (record: AuditRecord) => boolean) =>
    readAuditLog(
      system.controlPlane.auditLogPath,
      (record) => record.user === operatorUser && wanted(record),
    );
  return {
    all: () => read(() => true),
    sagaWrites: (name) => read((record) => isWrite(record) && isSagaRequest(record) && record.name === name),
    leaseReads: () => read((record) => record.resource === 'leases' && record.verb === 'get'),
    leaseHolders: async () => {
      const writes = await read((record) => record.resource === 'leases' && isWrite(record));
      return writes
        .filter(({ code }) => code !== undefined && code < 300)
        .map(({ requestBody }) => leaseBodySchema.parse(requestBody).spec.holderIdentity);
    },
    eventWrites: (name) =>
      read(
        (record) =>
          isWrite(record) &&
          record.resource === 'events' &&
          record.name.slice(0, record.name.lastIndexOf('.')) === name,
      ),
  };
}

export function isSagaRequest({ resource }: AuditRecord): boolean {
  return resource.split('/')[0] === 'ordersagas';
}

/** `patch ordersagas/status` */
export const callOf = ({ verb, resource }: AuditRecord): string => `${verb} ${resource}`;
