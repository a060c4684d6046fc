import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { environmentNames, synthesize } from './synthesize.ts';

it('makes the same bytes, whichever process makes them', () => {
  const print = `import { environmentNames, synthesize } from './synthesize.ts'; for (const name of environmentNames) console.log(JSON.stringify(synthesize(name)));`;
  const otherProcess = () =>
    execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', print], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    });
  const here = environmentNames.map((name) => `${JSON.stringify(synthesize(name))}\n`).join('');
  expect(here.length).toBeGreaterThan(100_000);
  expect(otherProcess()).toBe(here);
  expect(otherProcess()).toBe(here);
});
