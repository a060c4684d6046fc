/** Finds the programs of a PostgreSQL server. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isAtLeast, type Version } from './binary-catalog.ts';
import { isExecutable, pathFolders, versionOf, type Environment } from './binary-search.ts';
import { SetupError } from './setup-error.ts';

const oldest: Version = { major: 15, minor: 0, patch: 0 };

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
  return [
    ...children('/usr/lib/postgresql').map((name) => `/usr/lib/postgresql/${name}/bin`),
    ...children('/opt/homebrew/opt')
      .filter((name) => name.startsWith('postgresql@'))
      .map((name) => `/opt/homebrew/opt/${name}/bin`),
  ].toSorted((left, right) => firstNumber(right) - firstNumber(left));
}

function children(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function firstNumber(text: string): number {
  return Number(/\d+/.exec(text)?.[0] ?? 0);
}
