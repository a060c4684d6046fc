import { describe, expect, it } from 'vitest';
import { whyNoMesh, type Machine } from './mesh-prerequisites.ts';

const able: Machine = {
  platform: 'linux',
  uid: 0,
  has: () => true,
  run: async () => ({ code: 0, stdout: '', stderr: '' }),
};

describe('the mesh as processes', () => {
  it('runs on Linux, as root, where namespaces work', async () => {
    expect(await whyNoMesh(able)).toBeUndefined();
  });

  it.each([
    ['another system', { platform: 'darwin' }, 'darwin'],
    ['another user', { uid: 1000 }, 'root'],
    ['a missing program', { has: (program: string) => program !== 'iptables' }, 'not on PATH: iptables'],
    [
      'namespaces that are forbidden',
      {
        run: async () => ({
          code: 1,
          stdout: '',
          stderr: 'unshare: unshare failed: Operation not permitted\n',
        }),
      },
      'Operation not permitted',
    ],
  ] satisfies readonly (readonly [string, Partial<Machine>, string])[])(
    'says in one line that it does not on %s',
    async (_what, change, why) => {
      const said = await whyNoMesh({ ...able, ...change });
      expect(said).toContain(why);
      expect(said).not.toContain('\n');
    },
  );
});
