/** Reads the API server's audit log: who asked for what, as plain records to count. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const auditLineSchema = z.object({
  auditID: z.string(),
  stage: z.string(),
  verb: z.string(),
  user: z.object({ username: z.string().default('') }),
  userAgent: z.string().default(''),
  objectRef: z
    .object({
      apiGroup: z.string().default(''),
      resource: z.string().default(''),
      subresource: z.string().default(''),
      namespace: z.string().default(''),
      name: z.string().default(''),
    })
    .optional(),
  responseStatus: z.object({ code: z.number().optional() }).optional(),
  requestObject: z.unknown().optional(),
  requestReceivedTimestamp: z.string(),
});

export type AuditRecord = {
  readonly auditId: string;
  /** A watch has two records: `ResponseStarted`, and `ResponseComplete` when it ends. */
  readonly stage: string;
  /** get, list, watch, create, update, patch, delete, deletecollection */
  readonly verb: string;
  readonly user: string;
  readonly userAgent: string;
  /** Empty for requests outside resources; `status` and the like follow a slash: `ordersagas/status`. */
  readonly resource: string;
  readonly apiGroup: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number | undefined;
  readonly receivedAt: string;
  /** The body, a patch as it was sent; undefined unless the policy keeps the bodies of this resource. */
  readonly requestBody: unknown;
};

export function parseAuditLine(line: string): AuditRecord {
  const entry = auditLineSchema.parse(JSON.parse(line));
  const { objectRef } = entry;
  const subresource = objectRef?.subresource ?? '';
  return {
    auditId: entry.auditID,
    stage: entry.stage,
    verb: entry.verb,
    user: entry.user.username,
    userAgent: entry.userAgent,
    resource: `${objectRef?.resource ?? ''}${subresource === '' ? '' : `/${subresource}`}`,
    apiGroup: objectRef?.apiGroup ?? '',
    namespace: objectRef?.namespace ?? '',
    name: objectRef?.name ?? '',
    code: entry.responseStatus?.code,
    receivedAt: entry.requestReceivedTimestamp,
    requestBody: entry.requestObject,
  };
}

const writeVerbs = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** An ended request that may have changed an object. Refused ones count only when the caller looks at `code`. */
export function isWrite(record: AuditRecord): boolean {
  return record.stage === 'ResponseComplete' && writeVerbs.has(record.verb);
}

/** How many records per `verb resource`, say `patch ordersagas/status`. */
export function countByVerb(records: readonly AuditRecord[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const record of records) {
    const key = `${record.verb} ${record.resource}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** All complete lines of the log that `wanted` keeps. A line that is still being written is left for the next time. */
export async function readAuditLog(
  path: string,
  wanted: (record: AuditRecord) => boolean,
): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    if (!line.endsWith('}')) continue;
    const record = parseAuditLine(line);
    if (wanted(record)) records.push(record);
  }
  return records;
}
