import { describe, expect, it } from 'vitest';
import { imagesOf } from './images.ts';
import { environmentNames, synthesize } from './synthesize.ts';
import { controllersOf } from './testing/manifest-view.ts';

describe('the images', () => {
  it.each([
    ['none', {}, 'sagamesh/order:0.1.0'],
    ['a registry', { registry: 'registry.example/team' }, 'registry.example/team/sagamesh/order:0.1.0'],
    ['a registry with a slash', { registry: 'registry.example/' }, 'registry.example/sagamesh/order:0.1.0'],
    ['an empty registry', { registry: '' }, 'sagamesh/order:0.1.0'],
  ])('are ours from where the site says: %s', (_what, overrides, image) => {
    expect(imagesOf(overrides).ours('order')).toBe(image);
  });

  it.each(environmentNames)('can all be taken from elsewhere in %s', (name) => {
    const overrides = {
      registry: 'registry.example',
      nats: 'registry.example/nats:1',
      postgres: 'registry.example/pg:1',
    };
    const images = controllersOf(synthesize(name, overrides).flatMap(({ objects }) => objects)).flatMap(
      ({ template }) => template.spec.containers.map(({ image }) => image),
    );
    // The gateway's is the mesh's affair.
    const strangers = images.filter((image) => image !== 'auto' && !image.startsWith('registry.example/'));
    expect(strangers).toEqual([]);
    expect(images.length).toBeGreaterThan(5);
  });
});
