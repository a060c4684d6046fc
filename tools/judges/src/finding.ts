/** What judges say, in one language. */

export interface Finding {
  readonly judge: string;
  /** The judge's own name of the rule: `CKV_K8S_40`, `IST0118`. */
  readonly check: string;
  /** `kind/Deployment/shop/order`: set of manifests, kind, namespace (`-`: none), name. */
  readonly object: string;
  readonly message: string;
}

export interface Look {
  readonly set: string;
  readonly objects: number;
}

/** One judge's word on everything it was shown. */
export interface Judgement {
  readonly judge: string;
  readonly version: string;
  /** Objects that it did look at, by set; counted from its report wherever the report tells. */
  readonly looks: readonly Look[];
  readonly findings: readonly Finding[];
  /** What it left out, and why. */
  readonly notes: readonly string[];
}

export interface NotRun {
  readonly judge: string;
  readonly why: string;
}
