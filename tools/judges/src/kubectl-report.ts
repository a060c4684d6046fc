import type { Finding } from './finding.ts';

/** What kubectl says of objects that it sent to an API server. Pure. */

export const apiServerJudge = 'kube-apiserver';

/** How many objects a dry run went through with. */
export function dryRunCount(stdout: string): number {
  return stdout.split('\n').filter((line) => line.endsWith(' (server dry run)')).length;
}

/** Of one object: a refusal, or the warnings that come with an acceptance. */
export function dryRunFindings(objectId: string, code: number, stderr: string): readonly Finding[] {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const warnings = lines.filter((line) => line.startsWith('Warning: '));
  const rest = lines.filter((line) => !line.startsWith('Warning: ')).join(' ');
  const finding = (check: string, message: string): Finding => ({
    judge: apiServerJudge,
    check,
    object: objectId,
    message,
  });
  return [
    ...(code === 0 ? [] : [finding('refused', rest === '' ? `kubectl ended with ${code}` : rest)]),
    ...warnings.map((line) => finding('warning', line.slice('Warning: '.length))),
  ];
}
