import { SetupError } from '@sagamesh/sandbox/setup-error';
import { currentKubectl } from './current-kubectl.ts';
import { repository } from './kubeconfig.ts';
import { uninstall } from './uninstall.ts';

/** `make uninstall`, on the cluster of kubectl's current context. Exit code: 0 removed, 1 refused or failed (run it again). */
try {
  const { kubectl, context } = await currentKubectl(process.env);
  console.log(`removing SagaMesh from ${context}`);
  await uninstall({ kubectl, root: repository, note: (line) => console.log(`  ${line}`) });
  console.log('done. Istio stays: istioctl uninstall --purge removes it.');
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
