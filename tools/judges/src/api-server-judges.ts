/**
 * The judges that need an API server: its own strict dry run, and `istioctl analyze` on what is in it. From files alone `analyze` leaves out
 * Services, Namespaces and Pods, and then skips, without a word, every analyzer that needs them.
 */
import { z } from 'zod';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { runProgram } from '@sagamesh/sandbox/run-program';
import type { Finding, Judgement } from './finding.ts';
import { analyzeFindings, analyzeJudge, skippedAnalyzers } from './istioctl-report.ts';
import { apiServerJudge, dryRunCount, dryRunFindings } from './kubectl-report.ts';
import { yamlOf, type ManifestObject } from './manifest-object.ts';
import type { WrittenSet } from './manifest-sets.ts';
import { podsOf, prerequisitesOf, withoutCrd, type TemplatePod } from './prerequisites.ts';

export interface ApiServerBench {
  readonly kubectl: Kubectl;
  readonly kubeconfig: string;
  readonly istioctl: string;
  readonly istioctlVersion: string;
  /** `istioctl manifest generate`. */
  readonly istio: readonly ManifestObject[];
}

interface SetWord {
  readonly dryRun: Pick<Judgement, 'looks' | 'findings' | 'notes'>;
  readonly analysis: Pick<Judgement, 'looks' | 'findings' | 'notes'>;
}

export async function judgeOnApiServer(
  bench: ApiServerBench,
  sets: readonly WrittenSet[],
): Promise<readonly Judgement[]> {
  const { kubectl } = bench;
  await establish(kubectl, bench.istio.filter(isCrd));
  for (const { set } of sets) await establish(kubectl, set.objects.filter(isCrd));
  const words: SetWord[] = [];
  for (const set of sets) words.push(await judgeSet(bench, set));
  const version = serverVersion(await mustRun(kubectl, ['version', '-o', 'json']));
  return [
    together(
      apiServerJudge,
      version,
      words.map(({ dryRun }) => dryRun),
    ),
    together(
      analyzeJudge,
      bench.istioctlVersion,
      words.map(({ analysis }) => analysis),
    ),
  ];
}

async function judgeSet(bench: ApiServerBench, written: WrittenSet): Promise<SetWord> {
  const { kubectl } = bench;
  await applyAll(kubectl, prerequisitesOf(written.set.objects));
  const dryRun = await dryRunOf(kubectl, written);
  const objects = written.set.objects.filter((object) => !withoutCrd(object));
  await applyAll(kubectl, objects);
  const pods = podsOf(written.set);
  const podFindings = await dryRunOfPods(kubectl, pods);
  const meshed = written.set.objects.some(({ apiVersion }) => apiVersion.includes('istio.io/'));
  const analysis = meshed
    ? await analyze(bench, written.set.name, [...objects, ...pods.map(({ pod }) => pod)])
    : nothing;
  await removeAll(kubectl, [...pods.map(({ pod }) => pod), ...objects]);
  return { dryRun: { ...dryRun, findings: [...dryRun.findings, ...podFindings] }, analysis };
}

const nothing = { looks: [], findings: [], notes: [] };

/** All at once, because kubectl is slow to start; one by one only when there is something to say of one. */
async function dryRunOf(kubectl: Kubectl, { set, files }: WrittenSet): Promise<SetWord['dryRun']> {
  const left = files.filter(({ object }) => withoutCrd(object));
  const sent = files.filter(({ object }) => !withoutCrd(object));
  const all = await kubectl([...dryRunArgs, '-f', '-'], sent.map(({ text }) => text).join('---\n'));
  const silent = all.code === 0 && all.stderr.trim() === '';
  const findings = silent ? [] : await oneByOne(kubectl, sent);
  const answered = dryRunCount(all.stdout);
  if (findings.length === 0 && answered !== sent.length) {
    throw new Error(
      `${set.name}: kubectl has answered for ${answered} of ${sent.length} objects: ${all.stderr}`,
    );
  }
  return {
    looks: [{ set: set.name, objects: sent.length }],
    findings,
    notes: left.map(({ objectId }) => `${objectId} was left out: the definition of its kind is not at hand`),
  };
}

/** `warn` and `enforce` of Pod Security look at Pods, which no controller makes here: so from the templates. */
async function dryRunOfPods(kubectl: Kubectl, all: readonly TemplatePod[]): Promise<readonly Finding[]> {
  const pods = all.map(({ ownerId, pod }) => ({ objectId: ownerId, text: yamlOf(pod) }));
  if (pods.length === 0) return [];
  const answer = await kubectl([...dryRunArgs, '-f', '-'], pods.map(({ text }) => text).join('---\n'));
  return answer.code === 0 && answer.stderr.trim() === '' ? [] : oneByOne(kubectl, pods);
}

interface Sent {
  readonly objectId: string;
  readonly text: string;
}

/** A few at a time: kubectl is slow to start, and most of that is waiting. */
async function oneByOne(kubectl: Kubectl, objects: readonly Sent[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let from = 0; from < objects.length; from += atATime) {
    const answers = await Promise.all(
      objects.slice(from, from + atATime).map(async ({ objectId, text }) => {
        const { code, stderr } = await kubectl([...dryRunArgs, '-f', '-'], text);
        return dryRunFindings(objectId, code, stderr);
      }),
    );
    findings.push(...answers.flat());
  }
  return findings;
}

async function analyze(
  bench: ApiServerBench,
  set: string,
  objects: readonly ManifestObject[],
): Promise<SetWord['analysis']> {
  const { kubectl, istioctl, kubeconfig } = bench;
  // Istio itself, as far as it is configuration. Its webhooks come last: nobody answers them.
  const rest = bench.istio.filter((object) => !isCrd(object));
  await applyAll(
    kubectl,
    objects.filter(({ kind }) => kind === 'Pod'),
  );
  await applyAll(
    kubectl,
    rest.toSorted((left, right) => Number(isWebhook(left)) - Number(isWebhook(right))),
  );
  const args = ['analyze', '--all-namespaces', '--failure-threshold=Info', '--kubeconfig', kubeconfig];
  const run = (more: readonly string[]) =>
    runProgram(istioctl, [...args, ...more], { timeoutMillis: 300_000 });
  const { stdout, stderr } = await run(['-o', 'json', '-v']);
  await removeAll(kubectl, rest.filter(isWebhook));
  const skipped = skippedAnalyzers(stderr);
  if (stdout.trim() === '') throw new Error(`istioctl analyze has said nothing: ${stderr}`);
  return {
    looks: [{ set, objects: objects.length }],
    findings: [
      ...analyzeFindings(set, stdout),
      ...skipped.map((analyzer) => ({
        judge: analyzeJudge,
        check: 'skipped',
        object: `${set}/Mesh/-/-`,
        message: `${analyzer} did not run`,
      })),
    ],
    notes: [],
  };
}

const atATime = 6;
const dryRunArgs = ['apply', '--dry-run=server', '--validate=strict'];

async function establish(kubectl: Kubectl, crds: readonly ManifestObject[]): Promise<void> {
  if (crds.length === 0) return;
  await applyAll(kubectl, crds);
  const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
  await mustRun(kubectl, ['wait', '--for=condition=Established', '--timeout=180s', ...names]);
}

/** What is refused here was already found by the dry run. */
async function applyAll(kubectl: Kubectl, objects: readonly ManifestObject[]): Promise<void> {
  if (objects.length === 0) return;
  // What a judge's warnings are about must be applied as people apply it; Istio's definitions are too large for that.
  const how = objects.every(isCrd) && objects.length > 1 ? ['--server-side'] : [];
  await kubectl(['apply', ...how, '-f', '-'], documents(objects));
}

/** Namespaces stay: no controller would empty them. */
async function removeAll(kubectl: Kubectl, objects: readonly ManifestObject[]): Promise<void> {
  const gone = objects.filter((object) => !isCrd(object) && object.kind !== 'Namespace');
  if (gone.length === 0) return;
  await mustRun(kubectl, ['delete', '--ignore-not-found', '--wait=false', '-f', '-'], documents(gone));
  for (const { metadata } of gone.filter(({ kind }) => kind === 'PersistentVolumeClaim')) {
    // It protects a claim that is in use, until a controller sees that it is not.
    const unprotect = [
      'patch',
      'pvc',
      metadata.name,
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":null}}',
    ];
    await kubectl([...unprotect, '-n', metadata.namespace ?? 'default']);
  }
}

function isCrd({ kind }: ManifestObject): boolean {
  return kind === 'CustomResourceDefinition';
}

function isWebhook({ kind }: ManifestObject): boolean {
  return kind.endsWith('WebhookConfiguration');
}

function documents(objects: readonly object[]): string {
  return objects.map(yamlOf).join('---\n');
}

function serverVersion(json: string): string {
  const schema = z.object({ serverVersion: z.object({ gitVersion: z.string() }) });
  return schema.parse(JSON.parse(json)).serverVersion.gitVersion;
}

function together(judge: string, version: string, words: readonly SetWord['dryRun'][]): Judgement {
  return {
    judge,
    version,
    looks: words.flatMap(({ looks }) => looks),
    findings: words.flatMap(({ findings }) => findings),
    notes: words.flatMap(({ notes }) => notes),
  };
}
