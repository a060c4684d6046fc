import { z } from 'zod';

/** Configuration: read once, at start, from the environment. Every problem is listed at once, by the variable's name. */

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem(s):\n${problems.map((one) => `  - ${one}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** Set but blank (`NAME=`) means: not set. Deployment tools write such lines. */
function withoutBlanks(env: NodeJS.ProcessEnv): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value.trim() !== '') result[name] = value;
  }
  return result;
}

/** Values are not repeated: a variable may hold a password. */
function problemsOf(error: z.ZodError, given: Readonly<Record<string, string>>): string[] {
  return error.issues.map((issue) => {
    const name = issue.path.map(String).join('.') || '(environment)';
    return name in given ? `${name}: ${issue.message}` : `${name} is missing: ${issue.message}`;
  });
}

/** The environment as `schema` wants it, frozen. Throws ConfigError that names all problems. */
export function readConfig<S extends z.ZodObject>(
  schema: S,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<z.infer<S>> {
  const given = withoutBlanks(env);
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error, given));
  return Object.freeze(parsed.data);
}

/** For `main`: a wrong configuration is told on standard error, and the process ends with exit code 2. */
export function readConfigOrExit<S extends z.ZodObject>(
  schema: S,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<z.infer<S>> {
  try {
    return readConfig(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

export function integerVariable(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .string(expected)
    .regex(/^-?\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
}

/** on, true, yes, 1 or off, false, no, 0. */
export function switchVariable(defaultOn: boolean) {
  return z.stringbool({ error: 'expected on or off (or true/false, yes/no, 1/0)' }).default(defaultOn);
}

/** A comma separated list; unset = empty. */
export function listVariable() {
  return z
    .string()
    .default('')
    .transform((text): readonly string[] =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    );
}

/** A URL of one of the given schemes (without the colon). */
export function urlVariable(...schemes: readonly string[]) {
  const expected = `expected a URL that starts with ${schemes.map((one) => `${one}://`).join(' or ')}`;
  return z.string(expected).refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && schemes.includes(url.protocol.slice(0, -1));
  }, expected);
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Of every process. */
export const processVariables = {
  LOG_LEVEL: z.enum(logLevels, `expected one of ${logLevels.join(', ')}`).default('info'),
  /** From the signal to the exit; Kubernetes kills after `terminationGracePeriodSeconds` (30 s in our manifests). */
  SHUTDOWN_TIMEOUT_MILLIS: integerVariable(100, 600_000).default(20_000),
  SERVICE_VERSION: z.string().max(64).default('0.1.0'),
};

export function httpVariables(defaultPort: number) {
  return {
    HOST: z.string().default('0.0.0.0'),
    /** 0 = any free port (tests). */
    PORT: integerVariable(0, 65_535).default(defaultPort),
  };
}

const natsUrls = 'expected one or more URLs that start with nats:// or tls://, comma separated';

export const natsVariables = {
  NATS_URL: z
    .string(natsUrls)
    .refine((text) => text.split(',').every((one) => /^(nats|tls):\/\/[^\s,]+$/.test(one.trim())), natsUrls),
  NATS_CREDS_FILE: z.string().optional(),
  NATS_USER: z.string().optional(),
  NATS_PASSWORD: z.string().optional(),
  /** Copies of each stream, if this process has to make it. 3 on a cluster of three servers. */
  NATS_REPLICAS: z.enum(['1', '3', '5'], 'expected 1, 3 or 5').default('1').transform(Number),
  /** off: this process may not make streams and buckets, and waits for the operator to do it. */
  NATS_MAKE_STREAMS: switchVariable(true),
};

export type NatsConfig = Readonly<z.infer<z.ZodObject<typeof natsVariables>>>;

export const cacheVariables = {
  /** Redis or Valkey; unset = a NATS key-value bucket. */
  CACHE_URL: urlVariable('redis', 'rediss').optional(),
};
