import { join } from 'node:path';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import { runProgram, type ProgramResult } from '@sagamesh/sandbox/run-program';
import { resolveCheckov } from './resolve-checkov.ts';
import { checkovReport, kubeScoreReport, trivyReport, type FileReport } from './file-report.ts';
import type { Judgement } from './finding.ts';
import type { WrittenSet } from './manifest-sets.ts';

/** Runs the judges that need nothing but files. */

/** As old as the oldest Kubernetes that we support: later ones have what it has. */
const kubernetesVersion = 'v1.33';
const timeoutMillis = 300_000;

export async function judgeByKubeScore(sets: readonly WrittenSet[]): Promise<Judgement> {
  const program = await resolveBinary('kube-score');
  const { stdout } = await runProgram(program, ['version']);
  return judgeEach(
    'kube-score',
    /version: ([^,]+)/.exec(stdout)?.[1] ?? '?',
    sets,
    async ({ folder, files }) => {
      const paths = files.map(({ fileName }) => join(folder, fileName));
      // An annotation in a manifest must not silence a judge: what is accepted stands in one file.
      const flags = ['--disable-ignore-checks-annotations', `--kubernetes-version=${kubernetesVersion}`];
      const result = await runProgram(program, ['score', '-o', 'json', ...flags, ...paths], {
        timeoutMillis,
      });
      return kubeScoreReport(reportOf(result), files);
    },
  );
}

export async function judgeByTrivy(sets: readonly WrittenSet[], cacheFolder: string): Promise<Judgement> {
  const program = await resolveBinary('trivy');
  const { stdout } = await runProgram(program, ['--version']);
  return judgeEach('trivy', /Version: (\S+)/.exec(stdout)?.[1] ?? '?', sets, async ({ folder, files }) => {
    // The rules that are part of the program; nothing is fetched and nothing is told to anybody.
    const alone = ['--skip-check-update', '--skip-version-check', '--disable-telemetry'];
    const args = ['config', '--quiet', '--format', 'json', '--cache-dir', cacheFolder, ...alone, folder];
    return trivyReport(reportOf(await runProgram(program, args, { timeoutMillis })), files);
  });
}

export async function judgeByCheckov(sets: readonly WrittenSet[]): Promise<Judgement> {
  const { python, library, version } = await resolveCheckov();
  return judgeEach('checkov', version, sets, async ({ folder, files }) => {
    const how = ['--framework', 'kubernetes', '--skip-download', '--compact', '-o', 'json'];
    const result = await runProgram(python, ['-m', 'checkov.main', '-d', folder, ...how], {
      env: { PYTHONPATH: library },
      timeoutMillis,
    });
    return checkovReport(reportOf(result), files);
  });
}

async function judgeEach(
  judge: string,
  version: string,
  sets: readonly WrittenSet[],
  look: (set: WrittenSet) => Promise<FileReport>,
): Promise<Judgement> {
  const reports: (FileReport & { readonly set: string })[] = [];
  for (const set of sets) reports.push({ ...(await look(set)), set: set.set.name });
  return {
    judge,
    version,
    looks: reports.map(({ set, objectsLookedAt }) => ({ set, objects: objectsLookedAt })),
    findings: reports.flatMap(({ findings }) => findings),
    notes: [],
  };
}

/** Their exit codes tell findings from none, not success from failure: a report is there or it is not. */
function reportOf({ code, stdout, stderr }: ProgramResult): string {
  if (stdout.trim() === '') throw new Error(`no report (exit code ${code}): ${stderr.trim().slice(-2_000)}`);
  return stdout;
}
