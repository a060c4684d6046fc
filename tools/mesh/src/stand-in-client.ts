/** Gives orders to a stand-in (`stand-in-main.ts`), over whatever reaches its control port. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { MeshAnswer, MeshRequest, StandIn, TcpExchange } from './mesh-site.ts';
import { receivedSchema, seenSchema } from './stand-in-orders.ts';

/** POSTs JSON to a path of the control port and resolves with the JSON that comes back. */
export type ControlCall = (path: string, body: unknown) => Promise<unknown>;

export interface StandInClient extends StandIn {
  readonly send: (requests: readonly MeshRequest[]) => Promise<readonly MeshAnswer[]>;
  readonly exchange: (tcp: TcpExchange) => Promise<string>;
}

export function standInClient(call: ControlCall): StandInClient {
  return {
    answer: async (...answers) => void (await call('/answer', answers)),
    seen: async () => seenSchema.parse(await call('/seen', null)),
    release: async () => void (await call('/release', null)),
    send: async (requests) => receivedSchema.parse(await call('/send', requests)),
    exchange: async (tcp) => z.string().parse(await call('/exchange', tcp)),
  };
}

/** A path of a Unix socket reaches into every network namespace of this machine. */
export function overUnixSocket(socketPath: string): ControlCall {
  return (path, body) => {
    const payload = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = { 'content-length': Buffer.byteLength(payload) };
      const call = request({ socketPath, path, method: 'POST', headers, agent: false }, (response) => {
        text(response).then((answer) => {
          if (response.statusCode === 200) resolve(JSON.parse(answer));
          else reject(new Error(`the stand-in at ${socketPath} refused ${path}: ${answer}`));
        }, reject);
      });
      call.once('error', reject);
      call.end(payload);
    });
  };
}
