/** How a point is judged: claims about facts, each of which must have had something to look at. Pure. */

/** Where the evidence comes from: the YAML that is applied, the source, or processes that ran. */
export type Source = 'manifests' | 'code' | 'running';

export interface Claim {
  readonly source: Source;
  /** How many things were looked at; a claim about nothing is not fulfilled. */
  readonly looked: number;
  /** What holds when there are no problems, with its counts. */
  readonly holds: string;
  readonly problems: readonly string[];
}

export interface Verdict {
  readonly ok: boolean;
  readonly evidence: string;
}

export interface Point<Facts> {
  readonly number: number;
  readonly name: string;
  readonly judge: (facts: Facts) => Verdict;
}

/** Looks at each item. `holds` follows the count: "5 services, each with ...". */
export function each<T>(
  source: Source,
  items: readonly T[],
  holds: string,
  problemsOf: (item: T) => readonly string[],
): Claim {
  return {
    source,
    looked: items.length,
    holds: `${items.length} ${holds}`,
    problems: items.flatMap((item) => problemsOf(item)),
  };
}

/** Problems, or none: `when(isBad, 'what is bad')`. */
export function when(isBad: boolean, problem: string): readonly string[] {
  return isBad ? [problem] : [];
}

/** A line stays readable; the rest is counted. */
const problemsShown = 4;

export function verdictOf(claims: readonly Claim[]): Verdict {
  const problems = claims.flatMap(({ source, looked, holds, problems }) =>
    looked === 0 ? [`${source}: nothing to look at (${holds})`] : problems.map((one) => `${source}: ${one}`),
  );
  if (claims.length === 0) return { ok: false, evidence: 'nothing was claimed' };
  if (problems.length === 0) {
    return { ok: true, evidence: bySource(claims) };
  }
  const more = problems.length - problemsShown;
  const shown = problems.slice(0, problemsShown).join('; ');
  return { ok: false, evidence: more > 0 ? `${shown}; and ${more} more` : shown };
}

/** `manifests: a; b | code: c` */
function bySource(claims: readonly Claim[]): string {
  return (['manifests', 'code', 'running'] as const)
    .map((source) => ({ source, found: claims.filter((claim) => claim.source === source) }))
    .filter(({ found }) => found.length > 0)
    .map(({ source, found }) => `${source}: ${found.map(({ holds }) => holds).join('; ')}`)
    .join(' | ');
}

/** What occurs more than once, each once. */
export function repeated(values: readonly string[]): readonly string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
