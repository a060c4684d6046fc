/** A throw-away PostgreSQL on loopback: a new empty cluster at each start, trusted connections, no fsync. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, escapeIdentifier } from 'pg';
import type { Environment } from './binary-search.ts';
import type { DataDir } from './data-dir.ts';
import { findPostgres } from './find-postgres.ts';
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
    await withClient(url, (client) => client.query(`CREATE DATABASE ${escapeIdentifier(name)}`));
    return `postgresql://${superuser}@127.0.0.1:${port}/${encodeURIComponent(name)}`;
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, createDatabase, process: server, stop };
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

async function withClient<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // a connection cut while idle; the next query tells
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
