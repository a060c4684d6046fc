import type { SourcePatch } from '../cli/build-worker.ts';

/** Bugs that are put into the product while it is bundled, to see whether the judge notices: data only. This file: their shape. */

export interface Mutant {
  readonly id: string;
  /** One sentence: what is wrong. */
  readonly title: string;
  readonly patches: readonly SourcePatch[];
  /** It must be caught within so many seeds. */
  readonly budgetSeeds: number;
  /** `literature`: a bug class that sagas are known for. `law`: breaks one of the laws in docs/architecture.md. `found`: a bug that this product had. */
  readonly origin: 'literature' | 'law' | 'found';
}

/** A bug that does no harm here, by design: put in like a mutant, no invariant breaks within its seeds. */
export interface HarmlessBug extends Pick<Mutant, 'id' | 'title'> {
  /** What makes it harmless. */
  readonly maskedBy: string;
  /** The mutant that is tried in its place, at a spot where it does harm. */
  readonly replacedBy: string;
}
