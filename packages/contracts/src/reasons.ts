/** Every reason that appears in a condition, in `status.failure` or in a reply of ours. For machines; people read the message. */

/** Why a saga turned round (`status.failure.reason`), when the step itself gave none. */
export const failureReasons = {
  StepRejected: 'StepRejected',
  StepTimedOut: 'StepTimedOut',
  StepFailed: 'StepFailed',
  StepFenced: 'StepFenced',
  IdempotencyMismatch: 'IdempotencyMismatch',
  DeadlineExceeded: 'DeadlineExceeded',
  Cancelled: 'Cancelled',
  Deleted: 'Deleted',
} as const;

/** Reasons of the four conditions (docs/operations.md says what to do about each). */
export const conditionReasons = {
  StepRunning: 'StepRunning',
  Suspended: 'Suspended',
  Completed: 'Completed',
  Compensating: 'Compensating',
  Compensated: 'Compensated',
  CompensationStuck: 'CompensationStuck',
  RevokeStuck: 'RevokeStuck',
  StepStuck: 'StepStuck',
  ServiceUnknown: 'ServiceUnknown',
  Cancelling: 'Cancelling',
  Deleting: 'Deleting',
  Abandoned: 'Abandoned',
  InvalidSpec: 'InvalidSpec',
} as const;
export type ConditionReason = keyof typeof conditionReasons;

/** Business reasons that the bundled services answer with `Rejected`. */
export const rejectionReasons = {
  OrderIdTaken: 'OrderIdTaken',
  OrderNotPending: 'OrderNotPending',
  PriceMismatch: 'PriceMismatch',
  UnknownSku: 'UnknownSku',
  OutOfStock: 'OutOfStock',
  NotReserved: 'NotReserved',
  AlreadyReserved: 'AlreadyReserved',
  CardDeclined: 'CardDeclined',
  UnknownPaymentMethod: 'UnknownPaymentMethod',
  AmountNotAccepted: 'AmountNotAccepted',
  PaymentCancelled: 'PaymentCancelled',
} as const;

/** Why a message was put among the dead letters (`x-dead-letter-reason`). */
export const deadLetterReasons = {
  Malformed: 'Malformed',
  Oversized: 'Oversized',
  UnknownVersion: 'UnknownVersion',
  UnknownAction: 'UnknownAction',
  NameTaken: 'NameTaken',
  RefusedByApiServer: 'RefusedByApiServer',
  /** Readable, but the handler says that trying again cannot help. */
  Refused: 'Refused',
} as const;
export type DeadLetterReason = keyof typeof deadLetterReasons;
