import type { RequestHandler, Response } from 'express';
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Logger } from '@sagamesh/runtime/logger';
import { HttpProblem } from '@sagamesh/runtime/problem';
import { rereadFile } from './reread-file.ts';

/** Who calls: a JWT in the Authorization header, verified against a JWKS from a file or a URL. */

export interface AuthOptions {
  readonly jwks: { readonly file: string } | { readonly url: string };
  readonly issuer: string;
  readonly audience: string;
  /** Told when a file of keys cannot be read: with the keys before it everything seems well, until somebody rotates. */
  readonly logger?: Logger;
}

export interface Caller {
  readonly customerId: string;
  readonly roles: readonly string[];
}

/** Pinned: what a token says about its own algorithm is never trusted. */
const algorithms = ['EdDSA', 'ES256'];
const clockToleranceSeconds = 5;

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
const claimsSchema = z.object({
  sub: z.string().min(1).max(64),
  roles: z.array(z.string()).default([]),
});

function keysFromFile(file: string, logger: Logger | undefined): JWTVerifyGetKey {
  const current = rereadFile(file, {
    parse: (text) => createLocalJWKSet(jwksSchema.parse(JSON.parse(text))),
    onError: (thrown) =>
      logger?.error({ err: thrown, file }, 'the keys that tokens are verified with cannot be read'),
  });
  return async (header, token) => {
    const keys = await current().catch((thrown: unknown) => {
      throw new KeysUnavailable({ cause: thrown });
    });
    return keys(header, token);
  };
}

/** Not the caller's fault: 503, not 401. */
class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';

  constructor(options: ErrorOptions) {
    super('the keys that tokens are verified with cannot be read', options);
  }
}

function unauthorized(detail: string, error?: string): HttpProblem {
  // RFC 6750, section 3: without credentials no error code is told.
  const challenge = error === undefined ? 'Bearer' : `Bearer error="${error}"`;
  return new HttpProblem({ status: 401, detail, headers: { 'www-authenticate': challenge } });
}

/** Codes of the library for a key set that did not come in time, is not one, or was not answered with 200 (that error has no code of its own). */
const keySetFailures: readonly string[] = [
  errors.JWKSTimeout.code,
  errors.JWKSInvalid.code,
  errors.JOSEError.code,
];

/** Why verification failed, for the caller: codes of the library, never its texts. */
function problemOf(thrown: unknown): HttpProblem {
  if (thrown instanceof errors.JWTExpired) return unauthorized('The token has expired.', 'invalid_token');
  if (!(thrown instanceof errors.JOSEError) || keySetFailures.includes(thrown.code))
    return new HttpProblem(
      {
        status: 503,
        detail: 'Tokens cannot be verified at the moment.',
        headers: { 'retry-after': '5' },
      },
      { cause: thrown },
    );
  return unauthorized('The token is not valid here.', 'invalid_token');
}

const callerKey = 'sagamesh.caller';

/** 401 without a valid token, 503 when the keys cannot be had. Afterwards `callerOf(response)` tells who calls. */
export function authenticate(options: AuthOptions): RequestHandler {
  const { jwks, issuer, audience, logger } = options;
  const keys = 'file' in jwks ? keysFromFile(jwks.file, logger) : createRemoteJWKSet(new URL(jwks.url));
  return async (request, response, next) => {
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(request.header('authorization') ?? '')?.[1];
    if (token === undefined) throw unauthorized('Send a token: `Authorization: Bearer <token>`.');
    let payload: unknown;
    try {
      const verified = await jwtVerify(token, keys, {
        algorithms,
        issuer,
        audience,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['sub', 'exp'],
      });
      payload = verified.payload;
    } catch (thrown) {
      throw problemOf(thrown);
    }
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) throw unauthorized('The token has no usable subject or roles.', 'invalid_token');
    const caller: Caller = { customerId: claims.data.sub, roles: claims.data.roles };
    response.locals[callerKey] = caller;
    next();
  };
}

/** Behind `authenticate` only. */
export function callerOf(response: Response): Caller {
  const caller: unknown = response.locals[callerKey];
  if (!isCaller(caller)) throw new Error('callerOf is used on a route without authenticate');
  return caller;
}

function isCaller(value: unknown): value is Caller {
  return typeof value === 'object' && value !== null && 'customerId' in value && 'roles' in value;
}

/** 403 for everybody else. Behind `authenticate` only. */
export function requireRole(role: string): RequestHandler {
  return (_request, response, next) => {
    if (!callerOf(response).roles.includes(role))
      throw new HttpProblem({ status: 403, detail: `This needs the role ${role}.` });
    next();
  };
}
