import { sortFindings, type AcceptedEntry } from './accepted.ts';
import type { Finding, Judgement, NotRun } from './finding.ts';
import { isSeeded, seededSet, unseenFaults } from './seeded-faults.ts';

/** From what the judges said to what is printed, and the exit code. Pure. */

export interface Verdict {
  readonly lines: readonly string[];
  /** 0: nothing to do. 1: findings. 3: no findings, and a judge did not run. */
  readonly exitCode: 0 | 1 | 3;
}

export interface Session {
  readonly judgements: readonly Judgement[];
  readonly notRun: readonly NotRun[];
  /** Told, and nothing more: nobody can change it on this machine. */
  readonly absent: readonly NotRun[];
  readonly entries: readonly AcceptedEntry[];
  /** Objects in files that belong to no set. */
  readonly unjudged: readonly string[];
}

export function verdictOf({ judgements, notRun, absent, entries, unjudged }: Session): Verdict {
  const judges = new Set(judgements.map(({ judge }) => judge));
  const findings = judgements.flatMap(({ findings }) => findings);
  const { accepted, open, stale } = sortFindings(
    findings.filter((finding) => !isSeeded(finding)),
    entries,
    judges,
  );
  const problems = [
    ...open.map(
      (finding) => `FINDING  ${finding.judge} ${finding.check} ${finding.object}: ${finding.message}`,
    ),
    ...stale.map((entry) => `STALE    accepted.yaml accepts what no judge says any more: ${entry}`),
    ...unjudged.map((key) => `UNJUDGED ${key} is in manifests/ and in no set that is applied`),
    ...unseenFaults(findings, judges).map(
      ({ judge, check, object }) => `BLIND    ${judge} has not found the seeded fault ${check} in ${object}`,
    ),
    ...judgements
      .filter((judgement) => objectsLookedAt(judgement) === 0)
      .map(({ judge }) => `EMPTY    ${judge} has looked at no object`),
  ];
  const exitCode = problems.length > 0 ? 1 : notRun.length > 0 ? 3 : 0;
  return {
    lines: [
      ...judgements.map((judgement) => summary(judgement, accepted)),
      ...judgements.flatMap(({ judge, notes }) => notes.map((note) => `NOTE     ${judge}: ${note}`)),
      ...problems,
      ...[...absent, ...notRun].map(({ judge, why }) => `NOT RUN: ${judge}: ${why}`),
    ],
    exitCode,
  };
}

/** Real ones. */
function objectsLookedAt({ looks }: Judgement): number {
  return looks.filter(({ set }) => set !== seededSet).reduce((sum, { objects }) => sum + objects, 0);
}

function summary(judgement: Judgement, accepted: readonly Finding[]): string {
  const { judge, version, findings } = judgement;
  const real = findings.filter((finding) => !isSeeded(finding)).length;
  const known = accepted.filter((finding) => finding.judge === judge).length;
  return [
    `${judge} ${version}`.padEnd(32),
    `${objectsLookedAt(judgement)} objects`.padStart(12),
    `${real} findings`.padStart(14),
    `${known} accepted`.padStart(14),
    `${findings.length - real} in seeded faults`.padStart(22),
  ].join('');
}
