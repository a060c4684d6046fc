import type { ImageOverrides } from '@sagamesh/charts/images';

/** The variables of `make kind-up`: where a site without the usual registries takes things from. All are checked before anything is done. */

export interface KindSettings {
  /** Of the cluster's node; kind's own when unset. */
  readonly kindNodeImage: string | undefined;
  /** What our images are built on. */
  readonly nodeImage: string;
  /** npm's own registry when unset. */
  readonly npmRegistry: string | undefined;
  readonly images: ImageOverrides;
  readonly istio: IstioSettings;
}

export interface IstioSettings {
  /** Name on PATH, or a file. */
  readonly istioctl: string;
  /** Those that istioctl was built for when unset. */
  readonly hub: string | undefined;
  readonly tag: string | undefined;
  /** Absolute path of a file for `istioctl install -f`, on top of ours. */
  readonly valuesFile: string | undefined;
}

export type SettingsResult =
  | { readonly ok: true; readonly settings: KindSettings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** What is at a path that a variable names. */
export interface FileLook {
  readonly kind: 'missing' | 'folder' | 'file';
  readonly executable: boolean;
  readonly text: () => string;
}

const repository = '(?:[a-z0-9][a-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9][a-z0-9._/-]*';
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const imagePattern = new RegExp(`^${repository}(?::${tag})?(?:@sha256:[0-9a-f]{64})?$`);
const registryPattern = /^[a-z0-9][a-z0-9.-]*(?::[0-9]+)?(?:\/[a-z0-9][a-z0-9._-]*)*\/?$/;
const tagPattern = new RegExp(`^${tag}$`);

const anImage = 'expected an image such as registry.example/team/name:tag';
const aRegistry = 'expected a registry and path without scheme or tag, such as registry.example:5000/team';

/** `look` and `absolute` are the file system's part; everything else is decided here. */
export function readKindSettings(
  env: Readonly<Record<string, string | undefined>>,
  look: (path: string) => FileLook,
  absolute: (path: string) => string,
): SettingsResult {
  const problems: string[] = [];
  const value = (name: string): string | undefined => env[name]?.trim() || undefined;
  const matching = (name: string, pattern: RegExp, expected: string): string | undefined => {
    const given = value(name);
    if (given === undefined || pattern.test(given)) return given;
    problems.push(`${name}=${given}: ${expected}`);
    return undefined;
  };
  const images = {
    registry: matching('IMAGE_REGISTRY', registryPattern, aRegistry),
    nats: matching('NATS_IMAGE', imagePattern, anImage),
    postgres: matching('POSTGRES_IMAGE', imagePattern, anImage),
  };
  const settings: KindSettings = {
    kindNodeImage: matching('KIND_NODE_IMAGE', imagePattern, anImage),
    nodeImage: matching('NODE_IMAGE', imagePattern, anImage) ?? 'node:24-bookworm-slim',
    npmRegistry: matching('NPM_CONFIG_REGISTRY', /^https?:\/\/\S+$/, 'expected http:// or https://'),
    images: Object.fromEntries(Object.entries(images).filter(([, image]) => image !== undefined)),
    istio: {
      istioctl: value('ISTIOCTL') ?? 'istioctl',
      hub: matching('ISTIO_HUB', registryPattern, aRegistry)?.replace(/\/$/, ''),
      tag: matching('ISTIO_TAG', tagPattern, 'expected a tag such as 1.31.0'),
      valuesFile: value('ISTIO_VALUES') && absolute(value('ISTIO_VALUES') ?? ''),
    },
  };
  problems.push(...programProblems(settings.istio.istioctl, look));
  if (settings.istio.valuesFile !== undefined)
    problems.push(...valuesProblems(settings.istio.valuesFile, look));
  return problems.length === 0 ? { ok: true, settings } : { ok: false, problems };
}

/** A name without a slash is looked for on PATH, later. */
function programProblems(istioctl: string, look: (path: string) => FileLook): readonly string[] {
  if (!istioctl.includes('/')) return [];
  const found = look(istioctl);
  if (found.kind === 'file' && found.executable) return [];
  const what =
    found.kind === 'file'
      ? 'the file is not executable'
      : `there is ${found.kind === 'folder' ? 'a folder' : 'nothing'} at this path`;
  return [`ISTIOCTL=${istioctl}: ${what}; expected the program istioctl`];
}

function valuesProblems(file: string, look: (path: string) => FileLook): readonly string[] {
  const found = look(file);
  if (found.kind !== 'file') {
    return [
      `ISTIO_VALUES=${file}: there is ${found.kind === 'folder' ? 'a folder' : 'nothing'} at this path; expected a file for istioctl install -f`,
    ];
  }
  const text = found.text();
  if (!/^kind:\s*IstioOperator\s*$/m.test(text)) {
    return [`ISTIO_VALUES=${file}: expected "kind: IstioOperator", which istioctl install -f reads`];
  }
  const port = /nodePort:\s*(30080|30443)\b/.exec(text)?.[1];
  if (port === undefined) return [];
  return [
    `ISTIO_VALUES=${file}: it gives NodePort ${port} to a gateway of Istio's; SagaMesh brings its own gateway, which needs that port`,
  ];
}
