/** Names that the operator's process and its manifests must agree on: RBAC lets it touch exactly this Lease. */
export const operatorIdentity = {
  namespace: 'sagamesh-system',
  serviceAccount: 'sagamesh-operator',
  lease: 'sagamesh-operator',
  /** Where the intake makes OrderSagas unless told otherwise. */
  intakeNamespace: 'shop',
} as const;
