import { sortFindings, type AcceptedEntry } from './accepted.ts';
import type { Finding, Judgement, NotRun } from './finding.ts';

/** From what the judges said to what is printed, and the exit code. Pure. */

export interface Verdict {
  readonly lines: readonly string[];
  /** 0: nothing to do. 1: findings. 3: no findings, and a judge did not run. */
  readonly exitCode: 0 | 1 | 3;
}

export interface Session {
  readonly judgements: readonly Judgement[];
  readonly notRun: readonly NotRun[];
  readonly entries: readonly AcceptedEntry[];
  /** Objects in files that belong to no set. */
  readonly unjudged: readonly string[];
}

export function verdictOf({ judgements, notRun, entries, unjudged }: Session): Verdict {
  const judges = new Set(judgements.map(({ judge }) => judge));
  const { accepted, open, stale } = sortFindings(
    judgements.flatMap(({ findings }) => findings),
    entries,
    judges,
  );
  const problems = [
    ...open.map(
      (finding) => `FINDING  ${finding.judge} ${finding.check} ${finding.object}: ${finding.message}`,
    ),
    ...stale.map((entry) => `STALE    accepted.yaml accepts what no judge says any more: ${entry}`),
    ...unjudged.map((key) => `UNJUDGED ${key} is in manifests/ and in no set that is applied`),
    ...judgements
      .filter(({ objectsLookedAt }) => objectsLookedAt === 0)
      .map(({ judge }) => `EMPTY    ${judge} has looked at no object`),
  ];
  const exitCode = problems.length > 0 ? 1 : notRun.length > 0 ? 3 : 0;
  return {
    lines: [
      ...judgements.map((judgement) => summary(judgement, accepted)),
      ...judgements.flatMap(({ judge, notes }) => notes.map((note) => `NOTE     ${judge}: ${note}`)),
      ...problems,
      ...notRun.map(({ judge, why }) => `NOT RUN: ${judge}: ${why}`),
    ],
    exitCode,
  };
}

function summary(
  { judge, version, objectsLookedAt, findings }: Judgement,
  accepted: readonly Finding[],
): string {
  const known = accepted.filter((finding) => finding.judge === judge).length;
  return [
    `${judge} ${version}`.padEnd(30),
    `${objectsLookedAt} objects`.padStart(12),
    `${findings.length} findings`.padStart(14),
    `${known} accepted`.padStart(14),
  ].join('');
}
