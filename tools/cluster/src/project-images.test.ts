import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imagesOf } from '@sagamesh/charts/images';
import { findEntries } from '@sagamesh/build/bundle';
import { describe, expect, it } from 'vitest';
import { repository } from './kubeconfig.ts';
import { imageBuilds } from './project-images.ts';

const builds = imageBuilds(imagesOf());
const textOf = (dockerfile: string) => readFileSync(join(repository, dockerfile), 'utf8');
const bundleOf = (dockerfile: string) =>
  /COPY --from=build \/src\/dist\/(\S+)\.mjs main\.mjs/.exec(textOf(dockerfile))?.[1];

describe('the images', () => {
  it('are one for each process that is bundled, named after it', () => {
    const bundled = builds.map(({ dockerfile }) => bundleOf(dockerfile) ?? 'none');
    expect(new Set(bundled)).toEqual(new Set(findEntries(repository).map(({ name }) => name)));
    expect(bundled).toHaveLength(findEntries(repository).length);
    for (const { image, dockerfile } of builds) expect(image).toBe(`sagamesh/${bundleOf(dockerfile)}:0.1.0`);
  });

  it('share their stages up to the bundles, so that those run once for all', () => {
    const stages = builds.map(
      ({ dockerfile }) => textOf(dockerfile).split('\n').slice(1).join('\n').split('WORKDIR /app')[0],
    );
    expect(new Set(stages).size).toBe(1);
  });

  it.each(builds)('$image runs as nobody in particular, and builds without BuildKit', ({ dockerfile }) => {
    const text = textOf(dockerfile);
    expect(text).toMatch(/^USER 1000:1000$/m);
    expect(text).not.toMatch(/--mount|<<|# syntax=|COPY --(chmod|link)/);
  });
});
