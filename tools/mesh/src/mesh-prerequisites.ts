/** What the mesh as processes needs of a machine. */
import { pathFolders, isExecutable } from '@sagamesh/sandbox/binary-search';
import { runProgram, type ProgramResult } from '@sagamesh/sandbox/run-program';
import { join } from 'node:path';

export interface Machine {
  readonly platform: string;
  readonly uid: number | undefined;
  readonly has: (program: string) => boolean;
  readonly run: (command: string, args: readonly string[]) => Promise<ProgramResult>;
}

const programs = ['unshare', 'nsenter', 'mount', 'ip', 'iptables', 'go'] as const;

/** As little as shows that all of it is allowed here; gone when it ends. */
const trial = [
  'ip link add br0 type bridge',
  'ip link add cable type veth peer name other',
  'iptables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 1',
  'mount --bind /dev/null /etc/hosts',
].join(' && ');

/** Why the mesh cannot run here, in one line; undefined: it can. */
export async function whyNoMesh(machine: Machine = thisMachine()): Promise<string | undefined> {
  if (machine.platform !== 'linux') return `it needs Linux, and this is ${machine.platform}`;
  if (machine.uid !== 0) return 'it needs root, for network namespaces';
  const missing = programs.filter((program) => !machine.has(program));
  if (missing.length > 0) return `not on PATH: ${missing.join(', ')}`;
  const { code, stderr } = await machine.run('unshare', ['--net', '--mount', 'sh', '-c', trial]);
  if (code === 0) return undefined;
  return `network namespaces do not work here: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

function thisMachine(): Machine {
  return {
    platform: process.platform,
    uid: process.getuid?.(),
    has: (program) => pathFolders(process.env).some((folder) => isExecutable(join(folder, program))),
    run: runProgram,
  };
}
