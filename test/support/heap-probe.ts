import { readFileSync } from 'node:fs';
import type { ManagedProcess } from '@sagamesh/sandbox/managed-process';
import { WebSocket } from 'undici';
import { z } from 'zod';

/**
 * The heap of a running process after a full collection, over node's own inspector protocol: nothing in the product knows of it. Start the
 * process with `inspected` among its node arguments.
 */

/**
 * A free port of its own choice; the address is in its log. Without source maps: the first stack trace that is looked at would unpack the
 * bundle's whole map, which is 55 MB once and has nothing to do with what is measured.
 */
export const inspected = ['--inspect=127.0.0.1:0', '--no-enable-source-maps'] as const;

const answerSchema = z.object({
  id: z.number(),
  result: z.object({ usedSize: z.number().optional() }).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** Bytes that JavaScript objects use once everything unreachable is gone. */
export async function heapBytesAfterCollection(process: ManagedProcess): Promise<number> {
  const socket = new WebSocket(inspectorUrl(process));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true });
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), {
        once: true,
      });
    });
    // What finalizers let go of is collected by the second run.
    await call(socket, 1, 'HeapProfiler.collectGarbage');
    await call(socket, 2, 'HeapProfiler.collectGarbage');
    return (await call(socket, 3, 'Runtime.getHeapUsage')).usedSize ?? Number.NaN;
  } finally {
    socket.close();
  }
}

function inspectorUrl({ spec }: ManagedProcess): string {
  const found = readFileSync(spec.logFile, 'utf8')
    .match(/Debugger listening on (ws:\S+)/g)
    ?.at(-1);
  if (found === undefined) throw new Error(`${spec.name} was not started with --inspect`);
  return found.slice(found.indexOf('ws:'));
}

async function call(
  socket: WebSocket,
  id: number,
  method: string,
): Promise<{ readonly usedSize?: number | undefined }> {
  return new Promise((resolve, reject) => {
    const read = ({ data }: { readonly data: unknown }) => {
      const answer = answerSchema.safeParse(JSON.parse(String(data)));
      if (!answer.success || answer.data.id !== id) return;
      socket.removeEventListener('message', read);
      if (answer.data.error) reject(new Error(answer.data.error.message));
      else resolve(answer.data.result ?? {});
    };
    socket.addEventListener('message', read);
    socket.send(JSON.stringify({ id, method }));
  });
}
