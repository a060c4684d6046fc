import { unreachable } from '@sagamesh/contracts/unreachable';
import type { KindContext } from './kind-context.ts';
import type { Task } from './kind-up-plan.ts';
import { removeStandIns } from './remove-stand-ins.ts';
import { gatewayHttpsUrl, gatewayUrl, placeSmokeOrder } from './smoke-order.ts';
import { applyManifests, applyNamespaces } from './tasks/apply-manifests.ts';
import { awaitRollout } from './tasks/await-rollout.ts';
import { installIstio } from './tasks/install-istio.ts';
import { makeCluster } from './tasks/make-cluster.ts';
import { makeSecrets } from './tasks/make-secrets.ts';
import { buildImages, loadImages } from './tasks/supply-images.ts';
import { publishKeys, readKeys } from './token-keys.ts';

/** Does one task; answers what came of it in a few words. Throws SetupError when a person has to do something. */
export async function performTask(task: Task, context: KindContext): Promise<string> {
  switch (task.kind) {
    case 'cluster':
      return makeCluster(context, task.nodeImage);
    case 'build':
      return buildImages(context, task.builds, task.buildArgs);
    case 'load':
      return loadImages(context, task.images, task.required);
    case 'istio':
      return installIstio(context, task.settings);
    case 'namespaces':
      return applyNamespaces(context);
    case 'secrets':
      return makeSecrets(context.kubectl);
    case 'keys': {
      const { keys } = await readKeys(context.kubectl);
      await publishKeys(context.kubectl, keys);
      return `${keys.keys.length} published`;
    }
    case 'apply':
      await removeStandIns(context.kubectl);
      return applyManifests(context);
    case 'wait':
      return awaitRollout(context, task.timeoutSeconds);
    case 'smoke': {
      const { kubectl } = context;
      const { timeoutSeconds } = task;
      const { orderId, seconds } = await placeSmokeOrder({
        kubectl,
        gatewayUrl,
        gatewayHttpsUrl,
        timeoutSeconds,
      });
      return `${orderId} Completed ${seconds.toFixed(1)} s after it was placed`;
    }
    default:
      return unreachable(task);
  }
}
