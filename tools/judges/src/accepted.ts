import { parse } from 'yaml';
import { z } from 'zod';
import type { Finding } from './finding.ts';

/** Findings that we live with, each with its reason (`tools/judges/accepted.yaml`). Pure. */

const entrySchema = z.strictObject({
  judge: z.string(),
  check: z.string(),
  // A star stands for anything within one part.
  objects: z.array(z.string().regex(/^[^/]+\/[^/]+\/[^/]+\/[^/]+$/, 'set/kind/namespace/name')).min(1),
  /** Only findings whose message has this text. */
  saying: z.string().optional(),
  reason: z.string().min(20, 'a reason, in words'),
});

export type AcceptedEntry = Readonly<z.infer<typeof entrySchema>>;

/** Throws, with every problem, when the file is not as it should be. */
export function readAccepted(yaml: string): readonly AcceptedEntry[] {
  const parsed = z.array(entrySchema).safeParse(parse(yaml) ?? []);
  if (!parsed.success) throw new Error(`accepted.yaml: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export interface Sorted {
  readonly accepted: readonly Finding[];
  readonly open: readonly Finding[];
  /** What an entry accepts and no finding is: it would hide a later one. */
  readonly stale: readonly string[];
}

/** Entries of judges that did not run are neither used nor stale. */
export function sortFindings(
  findings: readonly Finding[],
  entries: readonly AcceptedEntry[],
  judges: ReadonlySet<string>,
): Sorted {
  const accepts = entries
    .filter(({ judge }) => judges.has(judge))
    .flatMap((entry) => entry.objects.map((pattern) => ({ entry, pattern, regex: patternRegex(pattern) })));
  const used = new Set<(typeof accepts)[number]>();
  const accepted: Finding[] = [];
  const open: Finding[] = [];
  for (const finding of findings) {
    const matching = accepts.filter(({ entry, regex }) => covers(entry, regex, finding));
    for (const one of matching) used.add(one);
    (matching.length > 0 ? accepted : open).push(finding);
  }
  const stale = accepts
    .filter((one) => !used.has(one))
    .map(({ entry, pattern }) => `${entry.judge} ${entry.check} ${pattern}`);
  return { accepted, open, stale };
}

function covers(entry: AcceptedEntry, regex: RegExp, finding: Finding): boolean {
  return (
    entry.judge === finding.judge &&
    entry.check === finding.check &&
    regex.test(finding.object) &&
    (entry.saying === undefined || finding.message.includes(entry.saying))
  );
}

function patternRegex(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.\\+?^${}()|[\]]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('[^/]*')}$`);
}
