import { expect, it } from 'vitest';
import type { RunCommand } from '../run-command.ts';
import { buildImages } from './supply-images.ts';

it('gives Docker the values of build arguments by its environment, not where everybody reads them', async () => {
  const builds: { readonly args: readonly string[]; readonly env: unknown }[] = [];
  const run: RunCommand = (_, args, options) => {
    if (args[0] === 'build') builds.push({ args, env: options?.env });
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  };
  const buildArgs = { NPM_CONFIG_REGISTRY: 'https://ada:secret@npm.site' };
  await buildImages({ run, root: '/' }, [{ image: 'sagamesh/order:1', dockerfile: 'Dockerfile' }], buildArgs);
  expect(builds).toHaveLength(1);
  expect(builds[0]?.args).toContain('NPM_CONFIG_REGISTRY');
  expect(builds[0]?.args.join(' ')).not.toContain('secret');
  expect(builds[0]?.env).toEqual(buildArgs);
});
