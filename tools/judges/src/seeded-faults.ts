import type { Finding } from './finding.ts';

/** What each judge must find in `seeded.yaml`: its silence about the real manifests means something only then. Pure. */

export const seededSet = 'seeded';

export type SeededFault = Pick<Finding, 'judge' | 'check' | 'object'> & {
  /** Part of the message, where the check alone does not say it. */
  readonly saying?: string;
};

export const seededFaults: readonly SeededFault[] = [
  {
    judge: 'kube-apiserver',
    check: 'refused',
    object: 'seeded/DestinationRule/seeded/order',
    saying: 'consecutiveErrors5xx',
  },
  {
    judge: 'kube-apiserver',
    check: 'warning',
    object: 'seeded/Deployment/seeded/order',
    saying: 'runAsNonRoot',
  },
  { judge: 'istioctl-analyze', check: 'IST0118', object: 'seeded/Service/seeded/order' },
  { judge: 'istioctl-analyze', check: 'IST0101', object: 'seeded/VirtualService/seeded/order' },
  {
    judge: 'istioctl-validate',
    check: 'rule',
    object: 'seeded/DestinationRule/seeded/order',
    saying: 'consecutiveErrors5xx',
  },
  {
    judge: 'istioctl-validate',
    check: 'rule',
    object: 'seeded/Service/seeded/order',
    saying: 'unnamed port',
  },
  { judge: 'kube-score', check: 'pod-probes', object: 'seeded/Deployment/seeded/order' },
  { judge: 'kube-score', check: 'container-image-tag', object: 'seeded/Deployment/seeded/order' },
  { judge: 'checkov', check: 'CKV_K8S_9', object: 'seeded/Deployment/seeded/order' },
  { judge: 'checkov', check: 'CKV_K8S_20', object: 'seeded/Deployment/seeded/order' },
  { judge: 'trivy', check: 'KSV-0001', object: 'seeded/Deployment/seeded/order' },
  { judge: 'trivy', check: 'KSV-0018', object: 'seeded/Deployment/seeded/order' },
];

/** Faults that judges who ran did not find. */
export function unseenFaults(
  findings: readonly Finding[],
  judges: ReadonlySet<string>,
  faults: readonly SeededFault[] = seededFaults,
): readonly SeededFault[] {
  return faults.filter(
    (fault) =>
      judges.has(fault.judge) &&
      !findings.some(
        ({ judge, check, object, message }) =>
          judge === fault.judge &&
          check === fault.check &&
          object === fault.object &&
          message.includes(fault.saying ?? ''),
      ),
  );
}

export function isSeeded({ object }: Finding): boolean {
  return object.startsWith(`${seededSet}/`);
}
