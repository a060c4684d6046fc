/** What goes over the control port of a stand-in, as JSON. */
import { z } from 'zod';

const headersSchema = z.record(z.string(), z.string());

export const answersSchema = z.array(
  z.union([z.object({ status: z.number() }), z.literal('hold'), z.literal('reset')]),
);

export const seenSchema = z.array(z.object({ method: z.string(), url: z.string(), headers: headersSchema }));

export const requestsSchema = z.array(
  z.object({
    url: z.string(),
    method: z.enum(['GET', 'POST']).exactOptional(),
    headers: headersSchema.exactOptional(),
    body: z.string().exactOptional(),
  }),
);

export const receivedSchema = z.array(
  z.object({
    status: z.number(),
    headers: headersSchema,
    body: z.string(),
    error: z.string().exactOptional(),
  }),
);

export const exchangeSchema = z.object({ host: z.string(), port: z.number(), send: z.string() });
