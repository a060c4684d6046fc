import type {
  ContractFigures,
  ExhaustiveFigures,
  MutantFigures,
  Part,
  RobustnessFigures,
  SimFigures,
  VerdictKind,
} from './figures.ts';

/** Pass, Fail or Inconclusive of each part. What was not run proves nothing, so the whole is Inconclusive then. */

export const simVerdict = ({ verdict }: SimFigures): VerdictKind => verdict;

export function exhaustiveVerdict({ violations, boundaries, holes, scopes }: ExhaustiveFigures): VerdictKind {
  const isScopeBroken = scopes?.some(({ problem, withoutEnd }) => problem !== null || withoutEnd > 0);
  if (violations > 0 || isScopeBroken === true) return 'Fail';
  const isWhole = boundaries.found > 0 && boundaries.died === boundaries.found && holes.length === 0;
  return isWhole && scopes !== undefined && scopes.length > 0 ? 'Pass' : 'Inconclusive';
}

export function mutantVerdict(figures: MutantFigures, known: readonly string[]): VerdictKind {
  const { killed, total } = figures;
  if (killed < total) return 'Fail';
  return total === 0 || mutantsNotTried(figures, known).length > 0 ? 'Inconclusive' : 'Pass';
}

export function mutantsNotTried({ mutants }: MutantFigures, known: readonly string[]): readonly string[] {
  return known.filter((id) => !mutants.some((mutant) => mutant.id === id));
}

export function contractVerdict({ cases, notRun }: ContractFigures): VerdictKind {
  if (cases.some(({ failed }) => failed > 0)) return 'Fail';
  return notRun.length > 0 || cases.length === 0 ? 'Inconclusive' : 'Pass';
}

export function verdictOfPart<Figures>(
  part: Part<Figures>,
  of: (figures: Figures) => VerdictKind,
): VerdictKind | 'not run' {
  return part.kind === 'done' ? of(part.figures) : 'not run';
}

export function overallVerdict(figures: RobustnessFigures): VerdictKind {
  const all = [
    ...figures.sims.map(({ part }) => verdictOfPart(part, simVerdict)),
    verdictOfPart(figures.exhaustive, exhaustiveVerdict),
    verdictOfPart(figures.mutants, (mutants) => mutantVerdict(mutants, figures.knownMutants)),
    verdictOfPart(figures.contracts, contractVerdict),
  ];
  if (all.includes('Fail')) return 'Fail';
  return all.every((verdict) => verdict === 'Pass') ? 'Pass' : 'Inconclusive';
}
