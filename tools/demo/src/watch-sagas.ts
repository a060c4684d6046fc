import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resolveBinary } from '@sagamesh/sandbox/resolve-binary';
import type { SagaView } from './saga-view.ts';
import { sagaViewSchema, watchEventSchema } from './saga-view.ts';

/** Follows all OrderSagas with the real kubectl: one JSON watch event per line. Answers how to stop. */
export async function watchSagas(
  kubeconfig: string,
  onChange: (saga: SagaView, kind: string) => void,
): Promise<() => void> {
  const kubectl = await resolveBinary('kubectl');
  let stopped = false;
  let child: ReturnType<typeof spawn> | undefined;
  const follow = () => {
    if (stopped) return;
    child = spawn(kubectl, ['get', '--raw', '/apis/sagamesh.dev/v1alpha1/ordersagas?watch=true'], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.once('close', () => setTimeout(follow, 200));
    if (child.stdout) createInterface({ input: child.stdout }).on('line', read);
  };
  const read = (line: string) => {
    const event = watchEventSchema.safeParse(JSON.parse(line));
    const saga = sagaViewSchema.safeParse(event.data?.object);
    if (event.success && saga.success) onChange(saga.data, event.data.type);
  };
  follow();
  return () => {
    stopped = true;
    child?.kill();
  };
}
