/** Has every judge look at the manifests below one folder; a judge that is not to be had here is told, and the others go on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startControlPlane } from '@sagamesh/sandbox/control-plane';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';
import { judgeOnApiServer } from './api-server-judges.ts';
import { judgeByCheckov, judgeByKubeScore, judgeByTrivy } from './file-judges.ts';
import type { Judgement, NotRun } from './finding.ts';
import { findIstioctl, istioManifests, judgeByValidate } from './istio-judges.ts';
import { analyzeJudge, validateJudge } from './istioctl-report.ts';
import { apiServerJudge } from './kubectl-report.ts';
import { readObjects, unjudged } from './manifest-object.ts';
import { committedFolders, objectsBelow, readSet, writeSet, type WrittenSet } from './manifest-sets.ts';
import { seededSet } from './seeded-faults.ts';
import { withTestKeys } from './test-keys.ts';

export interface Bench {
  /** `manifests/`, or a copy of it. */
  readonly root: string;
  /** An empty folder. */
  readonly scratch: string;
  readonly note: (line: string) => void;
  /** Only these judges; all when left out. */
  readonly only?: readonly string[];
}

export interface Session {
  readonly judgements: readonly Judgement[];
  readonly notRun: readonly NotRun[];
  /** Judges that one might look for, and that this project does not have. */
  readonly absent: readonly NotRun[];
  readonly unjudged: readonly string[];
}

interface Panel {
  /** Who sits on it; they run, or not, together. */
  readonly judges: readonly string[];
  readonly judge: (sets: readonly WrittenSet[]) => Promise<readonly Judgement[]>;
}

const seededFile = fileURLToPath(new URL('../seeded.yaml', import.meta.url));

export async function judgeManifests(bench: Bench): Promise<Session> {
  const kubectl = await kubectlFor('/dev/null');
  const sets: WrittenSet[] = [];
  for (const folder of committedFolders) {
    const set = await readSet(bench.root, folder, kubectl);
    sets.push(writeSet(join(bench.scratch, 'sets'), withTestKeys(set)));
  }
  const lost = unjudged(
    sets.map(({ set }) => set),
    objectsBelow(bench.root),
  );
  const seeded = readObjects(readFileSync(seededFile, 'utf8'), seededFile);
  sets.push(writeSet(join(bench.scratch, 'sets'), { name: seededSet, objects: seeded }));
  const judgements: Judgement[] = [];
  const asked = (judge: string) => bench.only === undefined || bench.only.includes(judge);
  const notRun: NotRun[] = [];
  for (const { judges, judge } of panels(bench).filter(({ judges }) => judges.some(asked))) {
    const start = performance.now();
    try {
      judgements.push(...(await judge(sets)));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof SetupError) {
        notRun.push(...judges.map((name) => ({ judge: name, why: why.split('\n')[0] ?? '' })));
      } else {
        judgements.push(...judges.map((name) => broken(name, why)));
      }
    }
    bench.note(`${judges.join(', ')}: ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  }
  return { judgements, notRun, absent: absent.filter(({ judge }) => asked(judge)), unjudged: lost };
}

/** A judge that fails has not found nothing. */
function broken(judge: string, message: string): Judgement {
  const finding = { judge, check: 'failed', object: '-/-/-/-', message };
  return { judge, version: '?', looks: [], findings: [finding], notes: [] };
}

/** Judges run here in pinned versions only, and of these none is pinned (README). */
const absent: readonly NotRun[] = ['kube-linter', 'polaris'].map((judge) => ({
  judge,
  why: 'no version of it is pinned in this project; trivy, checkov and kube-score look at the same things (tools/judges/README.md)',
}));

/** All that may be asked for by name. */
export function judgeNames(): readonly string[] {
  const all = panels({ root: '', scratch: '', note: () => undefined }).flatMap(({ judges }) => judges);
  return [...all, ...absent.map(({ judge }) => judge)];
}

function panels(bench: Bench): readonly Panel[] {
  return [
    { judges: [apiServerJudge, analyzeJudge], judge: (sets) => onApiServer(sets) },
    {
      judges: [validateJudge],
      judge: async (sets) => [await judgeByValidate(await findIstioctl(), sets)],
    },
    { judges: ['kube-score'], judge: async (sets) => [await judgeByKubeScore(sets)] },
    { judges: ['checkov'], judge: async (sets) => [await judgeByCheckov(sets)] },
    { judges: ['trivy'], judge: async (sets) => [await judgeByTrivy(sets, join(bench.scratch, 'trivy'))] },
  ];
}

async function onApiServer(sets: readonly WrittenSet[]): Promise<readonly Judgement[]> {
  const istioctl = await findIstioctl();
  const istio = await istioManifests(istioctl);
  const dataDir = await DataDir.temporary();
  try {
    const controlPlane = await startControlPlane({ dataDir, durable: false });
    try {
      const kubeconfig = controlPlane.adminKubeconfig;
      const kubectl = await kubectlFor(kubeconfig);
      return await judgeOnApiServer(
        { kubectl, kubeconfig, istioctl: istioctl.path, istioctlVersion: istioctl.version, istio },
        sets,
      );
    } finally {
      await controlPlane.stop();
    }
  } finally {
    dataDir.close({ remove: true });
  }
}
