/** Which programs the sandbox and its users need, the oldest version that will do, and how each is built from its pinned module. */

/** The sandbox's own: what `make binaries` has ready. */
export const binaryNames = ['nats-server', 'etcd', 'kubectl', 'kube-apiserver'] as const;

/** Judges of manifests; built only when `make judges` asks for them. */
export const judgeBinaryNames = ['kube-score', 'trivy'] as const;

/** Istio's own: what `make mesh-binaries` has ready. */
export const meshBinaryNames = ['pilot-discovery', 'pilot-agent', 'istioctl'] as const;

export type BinaryName =
  (typeof binaryNames)[number] | (typeof judgeBinaryNames)[number] | (typeof meshBinaryNames)[number];

export type Version = { readonly major: number; readonly minor: number; readonly patch: number };

export type BinaryRecipe = {
  readonly name: BinaryName;
  /** Oldest usable version. */
  readonly minimum: Version;
  /** Arguments that make the program print its version and exit. */
  readonly versionArgs: readonly string[];
  /** First capture group: the version in what the program prints. */
  readonly versionPattern: RegExp;
  /** Folder of `go.mod` below `tools/sandbox/go`. */
  readonly moduleFolder: string;
  /** The module whose version in `go.mod` is the version of the program. */
  readonly pinnedModule: string;
  /** Go package to build, as seen from the module folder. */
  readonly goPackage: string;
  /** Build tags, comma separated. */
  readonly tags?: string;
  /** `GOEXPERIMENT`: parts of the standard library that it needs before they are there for everybody. */
  readonly experiment?: string;
  /** A variable of the program that the linker sets to its version (`1.20.0`), for one that does not know it by itself. */
  readonly versionVariable?: string;
  /** What the linker sets it to when the version of the module does not say it. */
  readonly release?: string;
  /** A cold build on two cores, for the progress line. */
  readonly typicalBuild: string;
};

const kubernetes = {
  minimum: { major: 1, minor: 33, patch: 0 },
  moduleFolder: 'kubernetes',
  pinnedModule: 'k8s.io/kubernetes',
} as const;

/**
 * Tags of Istio's releases have no `v`, so Go knows none of them: the pin is a commit, of the release that its file VERSION names. The build tags are those of
 * Istio's own Makefile.
 */
const istio = {
  minimum: { major: 1, minor: 30, patch: 0 },
  versionArgs: ['version', '--short'],
  versionPattern: /client version: (\S+)/,
  moduleFolder: 'istio',
  pinnedModule: 'istio.io/istio',
  versionVariable: 'istio.io/istio/pkg/version.buildVersion',
  release: '1.31-sagamesh',
} as const;

const recipes: Readonly<Record<BinaryName, BinaryRecipe>> = {
  'nats-server': {
    name: 'nats-server',
    minimum: { major: 2, minor: 10, patch: 0 },
    versionArgs: ['--version'],
    versionPattern: /nats-server: v(\S+)/,
    moduleFolder: 'nats',
    pinnedModule: 'github.com/nats-io/nats-server/v2',
    goPackage: 'github.com/nats-io/nats-server/v2',
    typicalBuild: '30 seconds',
  },
  etcd: {
    name: 'etcd',
    minimum: { major: 3, minor: 5, patch: 0 },
    versionArgs: ['--version'],
    versionPattern: /etcd Version: (\S+)/,
    moduleFolder: 'etcd',
    pinnedModule: 'go.etcd.io/etcd/server/v3',
    goPackage: '.',
    typicalBuild: '1 minute',
  },
  kubectl: {
    ...kubernetes,
    name: 'kubectl',
    versionArgs: ['version', '--client', '--output=json'],
    versionPattern: /"gitVersion":\s*"v([^"]+)"/,
    goPackage: 'k8s.io/kubernetes/cmd/kubectl',
    typicalBuild: '2 minutes',
  },
  'kube-apiserver': {
    ...kubernetes,
    name: 'kube-apiserver',
    versionArgs: ['--version'],
    versionPattern: /Kubernetes v(\S+)/,
    goPackage: 'k8s.io/kubernetes/cmd/kube-apiserver',
    typicalBuild: '4 minutes',
  },
  'kube-score': {
    name: 'kube-score',
    minimum: { major: 1, minor: 20, patch: 0 },
    versionArgs: ['version'],
    versionPattern: /kube-score version: (\S+),/,
    moduleFolder: 'kube-score',
    pinnedModule: 'github.com/zegl/kube-score',
    goPackage: 'github.com/zegl/kube-score/cmd/kube-score',
    versionVariable: 'main.version',
    typicalBuild: '30 seconds',
  },
  trivy: {
    name: 'trivy',
    minimum: { major: 0, minor: 74, patch: 0 },
    versionArgs: ['--version'],
    versionPattern: /Version: (\S+)/,
    moduleFolder: 'trivy',
    pinnedModule: 'github.com/aquasecurity/trivy',
    goPackage: 'github.com/aquasecurity/trivy/cmd/trivy',
    experiment: 'jsonv2',
    versionVariable: 'github.com/aquasecurity/trivy/pkg/version/app.ver',
    typicalBuild: '6 minutes',
  },
  'pilot-discovery': {
    ...istio,
    name: 'pilot-discovery',
    tags: 'vtprotobuf,disable_pgv',
    goPackage: 'istio.io/istio/pilot/cmd/pilot-discovery',
    typicalBuild: '5 minutes',
  },
  'pilot-agent': {
    ...istio,
    name: 'pilot-agent',
    tags: 'agent,disable_pgv,grpcnotrace,retrynotrace',
    goPackage: 'istio.io/istio/pilot/cmd/pilot-agent',
    typicalBuild: '30 seconds',
  },
  istioctl: {
    ...istio,
    name: 'istioctl',
    // Without it, a cluster is asked as well.
    versionArgs: ['version', '--remote=false'],
    tags: 'vtprotobuf,disable_pgv',
    goPackage: 'istio.io/istio/istioctl/cmd/istioctl',
    typicalBuild: '2 minutes',
  },
};

export function recipeOf(name: BinaryName): BinaryRecipe {
  return recipes[name];
}

/** `1.35.4`, `v1.32.4-dispatcher` and the like; undefined when the text does not start as a version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) };
}

export function formatVersion(version: Version): string {
  return `${version.major}.${version.minor}.${version.patch}`;
}

export function isAtLeast(version: Version, minimum: Version): boolean {
  if (version.major !== minimum.major) return version.major > minimum.major;
  if (version.minor !== minimum.minor) return version.minor > minimum.minor;
  return version.patch >= minimum.patch;
}

/** The version (`v1.35.4`) that a `go.mod` requires of a module; undefined when it does not. */
export function pinnedVersion(goMod: string, module: string): string | undefined {
  for (const line of goMod.split('\n')) {
    const words = line
      .replace(/^require\s+/, '')
      .trim()
      .split(/\s+/);
    if (words[0] === module && words[1]?.startsWith('v') === true) return words[1];
  }
  return undefined;
}

/** Linker flags. Kubernetes learns its own version from them: without, `kubectl version` says v0.0.0-master. */
export function linkerFlags(recipe: BinaryRecipe, version: string): string {
  const flags = ['-s', '-w'];
  if (recipe.versionVariable !== undefined) {
    flags.push('-X', `${recipe.versionVariable}=${recipe.release ?? version.replace(/^v/, '')}`);
  }
  if (recipe.moduleFolder !== kubernetes.moduleFolder) return flags.join(' ');
  const parsed = parseVersion(version);
  const values = {
    gitVersion: version,
    gitMajor: parsed?.major ?? '',
    gitMinor: parsed?.minor ?? '',
    gitTreeState: 'clean',
    gitCommit: 'unknown',
    buildDate: '1970-01-01T00:00:00Z',
  };
  for (const target of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']) {
    for (const [key, value] of Object.entries(values)) flags.push('-X', `${target}.${key}=${value}`);
  }
  return flags.join(' ');
}
