import { z } from 'zod';
import type { Finding } from './finding.ts';

/** What `istioctl analyze` and `istioctl validate` print. Pure. */

export const analyzeJudge = 'istioctl-analyze';
export const validateJudge = 'istioctl-validate';

const messagesSchema = z.array(
  z.object({
    code: z.string(),
    level: z.enum(['Info', 'Warning', 'Error']),
    message: z.string(),
    origin: z.string().optional(),
  }),
);

/** `analyze -o json`. Every level counts, `Info` too. */
export function analyzeFindings(set: string, json: string): readonly Finding[] {
  return messagesSchema.parse(JSON.parse(json)).map(({ code, level, message, origin }) => ({
    judge: analyzeJudge,
    check: code,
    object: `${set}/${objectOfOrigin(origin ?? '')}`,
    message: `${level}: ${message}`,
  }));
}

/** `DestinationRule shop/order`, `Namespace shop`; what it says about no object is the mesh's. */
function objectOfOrigin(origin: string): string {
  const [kind = '', path = ''] = origin.split(' ');
  if (kind === '' || path === '') return 'Mesh/-/-';
  const [first = '', second] = path.split('/');
  return second === undefined ? `${kind}/-/${first}` : `${kind}/${first}/${second}`;
}

/** `analyze -v`: analyzers that lacked what they look at, so that their silence says nothing. */
export function skippedAnalyzers(stderr: string): readonly string[] {
  const lines = stderr.split('\n');
  const start = lines.findIndex((line) => line.startsWith('Skipped analyzers:'));
  if (start < 0) return [];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => !line.startsWith('\t'));
  return rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
}

/** `validate -f`: bullets name an object; other lines name it as `deployment "name/namespace:"`. */
export function validateFindings(set: string, printed: string): readonly Finding[] {
  return printed.split('\n').flatMap((line) => {
    const text = line.trim();
    if (text === '' || /^Error: \d+ errors? occurred:$/.test(text)) return [];
    if (/^validation succeed$|" is valid$|" has warnings:$/.test(text)) return [];
    const bullet = /^\* (\w+)\/([^/\s]*)\/([^:\s]+): (.+)$/.exec(text);
    if (bullet !== null) {
      const [, kind = '', namespace = '', name = '', message = ''] = bullet;
      return [found(set, `${kind}/${namespace === '' ? '-' : namespace}/${name}`, message)];
    }
    const named = /^(\w+) "([^/"]+)\/([^/":]+)[/:]*"/.exec(text);
    const kind = named?.[1] ?? 'Mesh';
    const title = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    return [found(set, `${title}/${named?.[3] ?? '-'}/${named?.[2] ?? '-'}`, text)];
  });
}

/** Files that `validate` says something of, when it finds no error. */
export function validatedCount(printed: string): number {
  return printed.split('\n').filter((line) => /" (?:is valid|has warnings:)\s*$/.test(line)).length;
}

/** It gives its rules no names. */
function found(set: string, key: string, message: string): Finding {
  const check = message.startsWith('EnvoyFilter exposes internal implementation details')
    ? 'envoy-filter'
    : 'rule';
  return { judge: validateJudge, check, object: `${set}/${key}`, message };
}

/** `istioctl version --remote=false -o json`. */
export function istioctlVersion(json: string): string {
  const schema = z.object({ clientVersion: z.object({ version: z.string() }) });
  return schema.parse(JSON.parse(json)).clientVersion.version;
}
