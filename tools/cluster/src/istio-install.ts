import { createHash } from 'node:crypto';
import type { IstioSettings } from './kind-settings.ts';

/** How Istio is installed. Pure. */

export const istioctlArgs = (settings: IstioSettings, ourValuesFile: string): readonly string[] => [
  '-f',
  ourValuesFile,
  ...(settings.valuesFile === undefined ? [] : ['-f', settings.valuesFile]),
  ...(settings.hub === undefined ? [] : ['--set', `hub=${settings.hub}`]),
  ...(settings.tag === undefined ? [] : ['--set', `tag=${settings.tag}`]),
];

/** Kept on the namespace: the same inputs were installed, so the next run need not do it again. */
export const stampAnnotation = 'sagamesh.dev/istio-install';

export interface InstallInputs {
  readonly istioctlVersion: string;
  readonly settings: IstioSettings;
  readonly valuesTexts: readonly string[];
}

export function installStamp({
  istioctlVersion,
  settings: { hub, tag },
  valuesTexts,
}: InstallInputs): string {
  const inputs = JSON.stringify([istioctlVersion, hub ?? '', tag ?? '', ...valuesTexts]);
  return createHash('sha256').update(inputs).digest('hex').slice(0, 16);
}

export type VersionVerdict =
  { readonly kind: 'supported' } | { readonly kind: 'untested' | 'tooOld'; readonly why: string };

/** 1.30 is the oldest: earlier ones let regular expressions in principals of an AuthorizationPolicy through (fixed in 1.30.0). */
export function judgeIstioVersion(version: string): VersionVerdict {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) {
    return {
      kind: 'untested',
      why: `istioctl calls itself "${version}"; SagaMesh was tested with Istio 1.31`,
    };
  }
  const [line, number] = [`${major}.${minor}`, Number(major) * 1_000 + Number(minor)];
  if (number < 1_030) return { kind: 'tooOld', why: `Istio ${line} is too old: 1.30 or 1.31 is needed` };
  if (number > 1_031)
    return { kind: 'untested', why: `Istio ${line} is newer than what SagaMesh was tested with (1.31)` };
  return { kind: 'supported' };
}
