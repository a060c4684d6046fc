import type { Kubectl } from '@sagamesh/sandbox/kubectl';
import { expect, it } from 'vitest';
import { inContext } from './current-kubectl.ts';

it('stays in the context in which it was begun', async () => {
  const said: (readonly string[])[] = [];
  const kubectl: Kubectl = (args) => {
    said.push(args);
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  };
  await inContext(kubectl, 'production')(['delete', 'namespace', 'shop']);
  expect(said).toEqual([['--context=production', 'delete', 'namespace', 'shop']]);
});
