import { z } from 'zod';
import { judgeIstioVersion } from './istio-install.ts';
import type { CommandResult } from './run-command.ts';
import { lastLines } from './run-command.ts';

/** Whether this machine can run the cluster, and what a person must do when it cannot. Pure: the caller asks the programs. */

export interface PreflightFacts {
  /** `docker info --format '{{json .}}'` */
  readonly docker: CommandResult;
  /** `kind version -q` */
  readonly kind: CommandResult;
  /** `kubectl version --client` */
  readonly kubectl: CommandResult;
  /** `istioctl version --remote=false -o json` */
  readonly istioctl: CommandResult;
  readonly istioctlPath: string;
  readonly clusterExists: boolean;
  readonly takenPorts: readonly number[];
}

export interface PreflightVerdict {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly istioctlVersion: string;
}

/** What the cluster takes, measured with everything up; below it the node's kernel ends processes. */
const memoryNeededBytes = 6 * 1024 ** 3;

export function judgePreflight(facts: PreflightFacts): PreflightVerdict {
  const istio = judgeIstioctl(facts);
  const docker = judgeDocker(facts.docker);
  // Without kind nobody can tell whether it is our own cluster that listens there.
  const ports =
    facts.clusterExists || facts.kind.code !== 0
      ? []
      : facts.takenPorts.map(
          (port) =>
            `Port ${port} of 127.0.0.1 is taken, and the gateway needs it: stop what listens there (ss -ltnp | grep ${port}).`,
        );
  return {
    problems: [
      ...docker.problems,
      ...missing(facts.kind, 'kind', 'https://kind.sigs.k8s.io (or go install sigs.k8s.io/kind@latest)'),
      ...missing(facts.kubectl, 'kubectl', 'https://kubernetes.io/docs/tasks/tools'),
      ...istio.problems,
      ...ports,
    ],
    warnings: [...docker.warnings, ...istio.warnings],
    istioctlVersion: istio.version,
  };
}

function missing(result: CommandResult, name: string, where: string): readonly string[] {
  if (result.code === 0) return [];
  if (result.code === 127) return [`${name} is not on PATH: install it from ${where}.`];
  return [`${name} does not work: ${lastLines(result.stderr, 3)}`];
}

const dockerInfoSchema = z.object({
  ServerVersion: z.string().optional(),
  MemTotal: z.number().default(0),
  NCPU: z.number().default(0),
});

function judgeDocker(result: CommandResult): {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
} {
  if (result.code === 127)
    return {
      problems: ['docker is not on PATH: install Docker Engine, https://docs.docker.com/engine/install.'],
      warnings: [],
    };
  const info = dockerInfoSchema.safeParse(parseJson(result.stdout));
  if (result.code !== 0 || !info.success || !info.data.ServerVersion) {
    const said = lastLines(result.stderr, 2);
    return {
      problems: [
        `No Docker daemon answers: start it, or let this user reach it (group docker). ${said}`.trim(),
      ],
      warnings: [],
    };
  }
  const { MemTotal, NCPU } = info.data;
  const gib = (MemTotal / 1024 ** 3).toFixed(1);
  return {
    problems: [],
    warnings: [
      ...(MemTotal < memoryNeededBytes
        ? [`Docker has ${gib} GiB of memory; the cluster wants 6 GiB (of a machine with 8).`]
        : []),
      ...(NCPU < 2 ? [`Docker has ${NCPU} core; with less than 2 some waits may run out.`] : []),
    ],
  };
}

const istioctlVersionSchema = z.object({ clientVersion: z.object({ version: z.string() }) });

function judgeIstioctl({ istioctl, istioctlPath }: PreflightFacts): {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly version: string;
} {
  if (istioctl.code !== 0) {
    const where = `Install Istio 1.31's istioctl (https://istio.io/latest/docs/setup/getting-started), or name it: ISTIOCTL=/path/to/istioctl.`;
    const what =
      istioctl.code === 127
        ? `${istioctlPath} is not on PATH.`
        : `${istioctlPath} does not work: ${lastLines(istioctl.stderr, 3)}`;
    return { problems: [`${what} ${where}`], warnings: [], version: '' };
  }
  const parsed = istioctlVersionSchema.safeParse(parseJson(istioctl.stdout));
  const version = parsed.data?.clientVersion.version ?? 'unknown';
  const verdict = judgeIstioVersion(version);
  return {
    problems: verdict.kind === 'tooOld' ? [`${verdict.why} (ISTIOCTL names another one).`] : [],
    warnings: verdict.kind === 'untested' ? [verdict.why] : [],
    version,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
