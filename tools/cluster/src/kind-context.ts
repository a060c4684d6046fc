import type { ImageOverrides } from '@sagamesh/charts/images';
import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import type { RunCommand } from './run-command.ts';

/** What every task of `make kind-up` works with. */
export interface KindContext {
  readonly run: RunCommand;
  /** Of the kind cluster, whatever the current context of the person is. */
  readonly kubectl: Kubectl;
  readonly kubeconfig: string;
  /** Of the repository. */
  readonly root: string;
  readonly images: ImageOverrides;
  /** A line about something that takes long, or that a person should know. */
  readonly note: (line: string) => void;
}
