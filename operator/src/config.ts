import {
  httpVariables,
  integerVariable,
  listVariable,
  natsVariables,
  processVariables,
  readConfigOrExit,
} from '@sagamesh/runtime/config';
import { z } from 'zod';

/** What the operator reads from its environment, once, at start. */
export const operatorVariables = z
  .object({
    ...processVariables,
    ...httpVariables(8_080),
    ...natsVariables,
    /** Empty: ~/.kube/config if there is one, else the account of the pod. */
    KUBECONFIG: z.string().optional(),
    POD_NAME: z.string().optional(),
    /** Where the Lease lives. */
    POD_NAMESPACE: z.string().default('sagamesh-system'),
    /** Empty: all namespaces. */
    WATCH_NAMESPACES: listVariable(),
    /** Where the intake puts the OrderSagas of POSTed orders. */
    INTAKE_NAMESPACE: z.string().default('shop'),
    /** Requests per second to the API server, sustained and at once. client-go's 5/10 throttles a busy controller (kedacore/keda#6789). */
    KUBE_API_QPS: integerVariable(1, 100_000).default(50),
    KUBE_API_BURST: integerVariable(1, 100_000).default(100),
    /** Sagas that are looked at at once. Work is waiting, not computing, so more than cores. */
    WORKERS: integerVariable(1, 1_000).default(32),
  })
  .refine(
    (config) =>
      config.WATCH_NAMESPACES.length === 0 || config.WATCH_NAMESPACES.includes(config.INTAKE_NAMESPACE),
    {
      path: ['WATCH_NAMESPACES'],
      message:
        'expected INTAKE_NAMESPACE among them, or nobody would drive the orders that come in over HTTP',
    },
  );

export type OperatorConfig = z.infer<typeof operatorVariables>;

export function readOperatorConfig(): OperatorConfig {
  return readConfigOrExit(operatorVariables);
}
