import { z } from 'zod';
import type { Finding } from './finding.ts';
import { objectOfFile, type ObjectFile } from './manifest-object.ts';

/** The reports of judges that read files: one object per file, so a file says whose a finding is. Pure. */

export interface FileReport {
  readonly objectsLookedAt: number;
  readonly findings: readonly Finding[];
}

const checkovCheck = z.object({ check_id: z.string(), check_name: z.string(), file_path: z.string() });
const checkovSchema = z.object({
  results: z
    .object({
      passed_checks: z.array(checkovCheck),
      failed_checks: z.array(checkovCheck),
      parsing_errors: z.array(z.string()),
    })
    // With nothing that it knows to look at it prints a summary alone.
    .default({ passed_checks: [], failed_checks: [], parsing_errors: [] }),
});

/** `checkov -o json` of one framework. */
export function checkovReport(json: string, files: readonly ObjectFile[]): FileReport {
  const { results } = checkovSchema.parse(JSON.parse(json));
  const { passed_checks: passed, failed_checks: failed, parsing_errors: unread } = results;
  return {
    objectsLookedAt: new Set([...passed, ...failed].map(({ file_path }) => file_path)).size,
    findings: [
      ...failed.map(({ check_id, check_name, file_path }) => ({
        judge: 'checkov',
        check: check_id,
        object: objectOfFile(files, file_path),
        message: check_name,
      })),
      ...unread.map((file) => ({
        judge: 'checkov',
        check: 'parsing',
        object: objectOfFile(files, file),
        message: 'cannot be read',
      })),
    ],
  };
}

/** Grades of kube-score: 1 critical, 5 warning, 7 almost well, 10 well. */
const almostWell = 7;

const kubeScoreSchema = z
  .array(
    z.object({
      file_name: z.string(),
      checks: z.array(
        z.object({
          check: z.object({ id: z.string() }),
          grade: z.number(),
          skipped: z.boolean(),
          comments: z
            .array(z.object({ path: z.string(), summary: z.string(), description: z.string() }))
            .nullable(),
        }),
      ),
    }),
  )
  .nullable();

/** `kube-score score -o json`; `null` where it knows none of the kinds. */
export function kubeScoreReport(json: string, files: readonly ObjectFile[]): FileReport {
  const objects = kubeScoreSchema.parse(JSON.parse(json)) ?? [];
  const findings = objects.flatMap(({ file_name, checks }) =>
    checks
      .filter(({ grade, skipped }) => !skipped && grade < almostWell)
      .flatMap(({ check, comments }) =>
        (comments === null || comments.length === 0
          ? [{ path: '', summary: 'no comment', description: '' }]
          : comments
        ).map(({ path, summary, description }) => ({
          judge: 'kube-score',
          check: check.id,
          object: objectOfFile(files, file_name),
          message: [path, summary, description].filter((part) => part !== '').join(': '),
        })),
      ),
  );
  return { objectsLookedAt: objects.length, findings };
}

const trivySchema = z.object({
  Results: z
    .array(
      z.object({
        Target: z.string(),
        MisconfSummary: z.object({ Successes: z.number(), Failures: z.number() }).optional(),
        Misconfigurations: z
          .array(z.object({ ID: z.string(), Severity: z.string(), Message: z.string() }))
          .optional(),
      }),
    )
    .optional(),
});

/** `trivy config -f json`. */
export function trivyReport(json: string, files: readonly ObjectFile[]): FileReport {
  const results = trivySchema.parse(JSON.parse(json)).Results ?? [];
  return {
    objectsLookedAt: results.filter(({ MisconfSummary }) => MisconfSummary !== undefined).length,
    findings: results.flatMap(({ Target, Misconfigurations }) =>
      (Misconfigurations ?? []).map(({ ID, Severity, Message }) => ({
        judge: 'trivy',
        check: ID,
        object: objectOfFile(files, Target),
        message: `${Severity}: ${Message}`,
      })),
    ),
  };
}
