import express, { Router, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { headerNames } from '@sagamesh/contracts/subjects';
import { runInContext } from './correlation.ts';
import type { Health } from './health.ts';
import { problemHandler, sendProblem } from './http-problems.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { contextFromHeaders } from './trace-context.ts';

/** The HTTP face that all processes share: probes, metrics, ids, one log line per request, problems. Routes come from outside. */

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly routes?: (router: Router) => void;
  /** Larger bodies are refused with 413. */
  readonly bodyBytesMax?: number;
}

const defaultBodyBytesMax = 65_536;

/** Probes and scrapes: not logged, not counted, without a context. `/healthz` is what Kubernetes habit calls liveness. */
function operationalRoutes({ health, metrics, logger }: HttpAppOptions): Router {
  const router = Router();
  router.get('/health', async (_request, response) => {
    const document = await health.document();
    response.status(document.status === 'healthy' ? 200 : 503).json(document);
  });
  router.get(['/livez', '/healthz'], (_request, response) => {
    const answer = health.alive();
    response.status(answer.alive ? 200 : 503).json(answer);
  });
  router.get('/readyz', async (_request, response) => {
    const answer = await health.ready();
    response.status(answer.ready ? 200 : 503).json(answer);
  });
  router.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  router.use(problemHandler(logger));
  return router;
}

/** The context of the request, on its answer too; and one line and one observation when it ended. */
function observed({ logger, metrics }: HttpAppOptions): RequestHandler {
  return (request, response, next) => {
    const beganMillis = performance.now();
    const context = contextFromHeaders({ get: (name) => request.header(name) });
    response.setHeader(headerNames.correlationId, context.correlationId);
    response.once('close', () => {
      const durationMillis = performance.now() - beganMillis;
      const pattern: unknown = request.route?.path;
      const route = typeof pattern === 'string' ? request.baseUrl + pattern : 'unmatched';
      const { method } = request;
      const status = response.statusCode;
      const line = {
        method,
        route,
        path: request.path,
        status,
        durationMillis: Math.round(durationMillis * 10) / 10,
        // The caller went away before the answer was out.
        ...(response.writableFinished ? {} : { aborted: true }),
      };
      metrics.observeHttp({ method, route, status }, durationMillis / 1_000);
      runInContext(context, () => logger[status >= 500 ? 'warn' : 'info'](line, 'request'));
    });
    runInContext(context, next);
  };
}

/** PostgreSQL has no character for NUL: as an id it would be an error of the database instead of an id that nobody has. */
const noNul: RequestHandler = (request, response, next) => {
  if (request.url.includes('%00')) {
    sendProblem(request, response, { status: 400, detail: 'The URL holds a NUL character (%00).' });
    return;
  }
  next();
};

const jsonTypes = ['application/json', 'application/*+json'];

/** Without this, a body of another type is left unread and looks like no body at all. */
const onlyJson: RequestHandler = (request, response, next) => {
  // null = no body, false = another type.
  if (request.is(jsonTypes) === false) {
    sendProblem(request, response, { status: 415, detail: 'Send `Content-Type: application/json`.' });
    return;
  }
  next();
};

/** The parser makes `{}` of an empty body, which would be told to lack every field. */
const emptyIsNone: RequestHandler = (request, _response, next) => {
  if (request.header('content-length') === '0') request.body = undefined;
  next();
};

/** 405 with `Allow` when the path exists under other methods, else 404. */
function notFound(router: Router): RequestHandler {
  return (request, response) => {
    const allowed = new Set<string>();
    for (const layer of router.stack) {
      const methods = layer.route?.stack.map((one) => one.method) ?? [];
      // `match` is the router's own test of a path; it is public in JavaScript and missing in the types.
      const match: unknown = Reflect.get(layer, 'match');
      const matches = typeof match === 'function' && Boolean(Reflect.apply(match, layer, [request.path]));
      if (matches) for (const method of methods) allowed.add(method.toUpperCase());
    }
    if (allowed.has('GET')) allowed.add('HEAD');
    sendProblem(
      request,
      response,
      allowed.size === 0
        ? { status: 404, detail: 'There is nothing at this path.' }
        : {
            status: 405,
            detail: 'The path exists, but not with this method; see the Allow header.',
            headers: { allow: [...allowed].join(', ') },
          },
    );
  };
}

export function createHttpApp(options: HttpAppOptions): Express {
  const app = express();
  app.disable('etag');
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"] } } }));
  app.use((_request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    next();
  });
  app.use(operationalRoutes(options));
  app.use(observed(options));
  app.use(noNul);
  app.use(onlyJson);
  app.use(express.json({ limit: options.bodyBytesMax ?? defaultBodyBytesMax, type: jsonTypes }));
  app.use(emptyIsNone);
  const router = Router();
  options.routes?.(router);
  app.use(router);
  app.use(notFound(router));
  app.use(problemHandler(options.logger));
  return app;
}
