/**
 * Order of resourceVersions of one resource type. Clients may compare them since KEP-5504 (stable in 1.35): decimal digits without a
 * leading zero, so the longer one is newer and equal lengths compare lexically. They outgrow 2^53, hence no numbers here.
 */
export function compareResourceVersions(a: string, b: string): number {
  assertResourceVersion(a);
  assertResourceVersion(b);
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function isResourceVersion(text: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(text);
}

function assertResourceVersion(text: string): void {
  if (!isResourceVersion(text)) throw new RangeError(`not a comparable resourceVersion: "${text}"`);
}
