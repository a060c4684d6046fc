import { orderSagaGroup, orderSagaPlural } from '@sagamesh/contracts/order-saga';
import { operatorIdentity } from '@sagamesh/contracts/operator-identity';

/** Who the operator is and what it may do: exactly the verbs it uses. */

const { namespace, serviceAccount, lease } = operatorIdentity;
const rbac = 'rbac.authorization.k8s.io';
const labels = { 'app.kubernetes.io/name': serviceAccount, 'app.kubernetes.io/part-of': 'sagamesh' };

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const sagaRules: readonly Rule[] = [
  {
    apiGroups: [orderSagaGroup],
    resources: [orderSagaPlural],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  { apiGroups: [orderSagaGroup], resources: [`${orderSagaPlural}/status`], verbs: ['patch'] },
  // An Event lives in the namespace of its object, and sagas live in any namespace.
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

const leaseRules: readonly Rule[] = [
  // A name cannot limit `create`: the request does not carry one.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: [lease],
    verbs: ['get', 'update'],
  },
];

export function namespaces(): readonly object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: {
          'app.kubernetes.io/part-of': 'sagamesh',
          'pod-security.kubernetes.io/enforce': 'restricted',
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: operatorIdentity.intakeNamespace,
        labels: { 'app.kubernetes.io/part-of': 'sagamesh' },
      },
    },
  ];
}

export function operatorRbac(): readonly object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: serviceAccount, namespace, labels },
      // The pod asks for a short-lived token by a projected volume instead.
      automountServiceAccountToken: false,
    },
    clusterRole(serviceAccount, labels, sagaRules),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: serviceAccount, labels },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: serviceAccount },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name: `${serviceAccount}-leader`, namespace, labels },
      rules: leaseRules,
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: `${serviceAccount}-leader`, namespace, labels },
      roleRef: { apiGroup: rbac, kind: 'Role', name: `${serviceAccount}-leader` },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace }],
    },
  ];
}

/** Whoever may view or edit a namespace may do so with its sagas. Nobody but the operator writes a status. */
export function userRoles(): readonly object[] {
  return [
    clusterRole('ordersaga-viewer', { ...labels, ...aggregate('view', 'edit', 'admin') }, [
      {
        apiGroups: [orderSagaGroup],
        resources: [orderSagaPlural, `${orderSagaPlural}/status`],
        verbs: ['get', 'list', 'watch'],
      },
    ]),
    clusterRole('ordersaga-editor', { ...labels, ...aggregate('edit', 'admin') }, [
      {
        apiGroups: [orderSagaGroup],
        resources: [orderSagaPlural],
        verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      },
    ]),
  ];
}

function clusterRole(name: string, roleLabels: Readonly<Record<string, string>>, rules: readonly Rule[]) {
  return { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name, labels: roleLabels }, rules };
}

/** Labels by which the cluster adds a role's rules to its own roles `view`, `edit` and `admin`. */
function aggregate(...roles: readonly string[]) {
  return Object.fromEntries(roles.map((role) => [`${rbac}/aggregate-to-${role}`, 'true']));
}
