import type { PreflightFacts } from './preflight.ts';
import { runCommand } from './run-command.ts';
import { clusterExists, takenPorts } from './tasks/make-cluster.ts';

/** Asks the programs of this machine who they are. */
export async function askPrograms(istioctl: string): Promise<PreflightFacts> {
  return {
    docker: await runCommand('docker', ['info', '--format', '{{json .}}']),
    kind: await runCommand('kind', ['version', '-q']),
    kubectl: await runCommand('kubectl', ['version', '--client']),
    istioctl: await runCommand(istioctl, ['version', '--remote=false', '-o', 'json']),
    istioctlPath: istioctl,
    clusterExists: await clusterExists(runCommand),
    takenPorts: await takenPorts(),
  };
}
