/** Runs the real kubectl as one identity. */
import { resolveBinary } from './resolve-binary.ts';
import { runProgram, type ProgramResult } from './run-program.ts';

export type KubectlResult = ProgramResult;

/** Resolves with whatever kubectl answers; a failure is a `code` other than 0, not an exception. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<KubectlResult>;

/** The caller's own `KUBECONFIG` and `~/.kube/config` are not read. */
export async function kubectlFor(kubeconfig: string): Promise<Kubectl> {
  const binary = await resolveBinary('kubectl');
  return (args, input = '') => runProgram(binary, args, { env: { KUBECONFIG: kubeconfig }, input });
}
