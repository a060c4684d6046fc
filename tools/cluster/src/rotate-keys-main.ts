import { SetupError } from '@sagamesh/sandbox/setup-error';
import { currentKubectl } from './current-kubectl.ts';
import { rotateKeys } from './rotate-keys.ts';

/** `make rotate-keys`, on the cluster of kubectl's current context. Exit code: 0 exchanged, 1 not (run it again). */
try {
  const { kubectl, context } = await currentKubectl(process.env);
  console.log(`exchanging the signing key on ${context}`);
  const kid = await rotateKeys({
    kubectl,
    note: (line) => console.log(`  ${line}`),
    timeoutSeconds: 300,
    settleMillis: 2_000,
  });
  console.log(`done: tokens are signed with ${kid}`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
