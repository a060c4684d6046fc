import { operatorUser } from '@sagamesh/sandbox/system/system';
import type { System } from '@sagamesh/sandbox/system/system';
import { isWrite, readAuditLog } from '@sagamesh/sandbox/audit-log';
import type { AuditRecord } from '@sagamesh/sandbox/audit-log';

/** What the operator asked of the API server, as the server itself has it on record: the judge of every promise about writes. */
export interface OperatorRequests {
  all(): Promise<readonly AuditRecord[]>;
  /** Writes to one OrderSaga, in order; the TTL delete and refused ones (409) included. */
  sagaWrites(name: string): Promise<readonly AuditRecord[]>;
  /** Writes of Events about one OrderSaga: an Event is named from its object. */
  eventWrites(name: string): Promise<readonly AuditRecord[]>;
}

/** Start the system with these bodies, so that what a write carried can be read. */
export const sagaBodies = [{ group: 'sagamesh.dev', resources: ['ordersagas', 'ordersagas/status'] }];

export function operatorRequests(system: Pick<System, 'controlPlane'>): OperatorRequests {
  const read = (wanted: (record: AuditRecord) => boolean) =>
    readAuditLog(
      system.controlPlane.auditLogPath,
      (record) => record.user === operatorUser && wanted(record),
    );
  return {
    all: () => read(() => true),
    sagaWrites: (name) => read((record) => isWrite(record) && isSagaRequest(record) && record.name === name),
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
