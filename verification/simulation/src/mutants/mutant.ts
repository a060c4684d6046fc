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

/** A bug that was considered and does no harm here. */
export interface HarmlessBug {
  readonly id: string;
  readonly title: string;
  /** What makes it harmless. */
  readonly maskedBy: string;
  /** The mutant that takes its place in the list. */
  readonly replacedBy: string;
}
