import { homedir } from 'node:os';
import { join } from 'node:path';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { SetupError } from '@sagamesh/sandbox/setup-error';

/** As the person at the shell: their KUBECONFIG or `~/.kube/config`, and its current context. */
export async function currentKubectl(env: NodeJS.ProcessEnv): Promise<{ kubectl: Kubectl; context: string }> {
  const kubectl = await kubectlFor(env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config'));
  const { code, stdout } = await kubectl(['config', 'current-context']);
  if (code !== 0)
    throw new SetupError(
      'kubectl has no current context: kubectl config use-context <name>, or set KUBECONFIG',
    );
  const context = stdout.trim();
  return { kubectl: inContext(kubectl, context), context };
}

/** Another shell may switch the current context while we wait: what was begun on one cluster must not go on on another. */
export function inContext(kubectl: Kubectl, context: string): Kubectl {
  return (args, input) => kubectl([`--context=${context}`, ...args], input);
}
