/** A throw-away PostgreSQL on loopback: a new empty cluster at each start, trusted connections, no fsync. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { isAtLeast, type Version } from './binary-catalog.ts';
import { isExecutable, pathFolders, versionOf, type Environment } from './binary-search.ts';
import type { DataDir } from './data-dir.ts';
import { ManagedProcess } from './managed-process.ts';
import { SetupError } from './setup-error.ts';

const run = promisify(execFile);

export type PostgresServer = {
  /** Of the database `postgres`, as superuser. */
  readonly url: string;
  /** Makes an empty database and returns its URL. */
  readonly createDatabase: (name: string) => Promise<string>;
  /** Can be killed and started again on the same port with the same data. */
  readonly process: ManagedProcess;
  /** Stops it and deletes its data. */
  readonly stop: () => Promise<void>;
};

export type PostgresOptions = { readonly dataDir: DataDir; readonly env?: Environment };

const oldest: Version = { major: 15, minor: 0, patch: 0 };
const superuser = 'sagamesh';

export async function startPostgres({
  dataDir,
  env = process.env,
}: PostgresOptions): Promise<PostgresServer> {
  const binaries = await findPostgres(env);
  const account = serverAccount();
  const port = await dataDir.port('postgres');
  const folder = clusterFolder(dataDir, account);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  await initialise(join(binaries, 'initdb'), folder, account);
  const url = `postgresql://${superuser}@127.0.0.1:${port}/postgres`;
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    fsync: 'off',
  };
  const server = new ManagedProcess({
    name: 'postgres',
    command: join(binaries, 'postgres'),
    args: ['-D', folder, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    cwd: folder,
    logFile: dataDir.file('logs', 'postgres.log'),
    ready: async () => withClient(url, async () => true),
    // "Fast" shutdown: ends open sessions. SIGTERM would wait for them.
    stopSignal: 'SIGINT',
    ...account,
  });
  dataDir.track(server);
  await server.start();
  const createDatabase = async (name: string): Promise<string> => {
    await withClient(url, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
    return `postgresql://${superuser}@127.0.0.1:${port}/${encodeURIComponent(name)}`;
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, createDatabase, process: server, stop };
}

/** The folder with `postgres` and `initdb`: `SAGAMESH_PG_BIN`, then PATH, then where Debian and Homebrew put them. */
export async function findPostgres(env: Environment): Promise<string> {
  const chosen = env['SAGAMESH_PG_BIN'];
  const folders =
    chosen === undefined || chosen === '' ? [...pathFolders(env), ...packagedFolders()] : [chosen];
  for (const folder of folders) {
    if (!isExecutable(join(folder, 'initdb')) || !isExecutable(join(folder, 'postgres'))) continue;
    const version = await versionOf(join(folder, 'postgres'), ['--version'], /PostgreSQL\) (\S+)/);
    if (version !== undefined && isAtLeast(version, oldest)) return folder;
  }
  throw new SetupError(
    [
      `PostgreSQL ${oldest.major} or newer is missing: no usable \`postgres\` with \`initdb\` in ${folders.join(', ')}.`,
      'Any one of these helps:',
      '  - install the server package of your system (Debian and Ubuntu: `apt-get install postgresql`; Homebrew: `brew install postgresql@17`)',
      '  - set SAGAMESH_PG_BIN to the folder that has `postgres` and `initdb`',
    ].join('\n'),
  );
}

/** Newest first. */
function packagedFolders(): readonly string[] {
  const children = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const number = (text: string): number => Number(/\d+/.exec(text)?.[0] ?? 0);
  return [
    ...children('/usr/lib/postgresql').map((name) => `/usr/lib/postgresql/${name}/bin`),
    ...children('/opt/homebrew/opt')
      .filter((name) => name.startsWith('postgresql@'))
      .map((name) => `/opt/homebrew/opt/${name}/bin`),
  ].toSorted((left, right) => number(right) - number(left));
}

type Account = { readonly uid: number; readonly gid: number };

/** PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new SetupError(
    'PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as',
  );
}

/** Another account may not reach into our folder, so its data are below the system's folder for temporary files. */
function clusterFolder(dataDir: DataDir, account: Account | undefined): string {
  if (account === undefined) return dataDir.file('postgres');
  const id = createHash('sha256').update(dataDir.path).digest('hex').slice(0, 12);
  return join(tmpdir(), `sagamesh-postgres-${id}`);
}

async function initialise(initdb: string, folder: string, account: Account | undefined): Promise<void> {
  const args = [
    '--pgdata',
    folder,
    '--auth=trust',
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C',
    `--username=${superuser}`,
  ];
  try {
    await run(initdb, args, { cwd: folder, ...account });
  } catch (error) {
    throw new Error(`initdb could not make a cluster in ${folder}`, { cause: error });
  }
}

async function withClient<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // a connection cut while idle; the next query tells
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
