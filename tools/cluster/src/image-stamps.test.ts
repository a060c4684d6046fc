import { synthesize } from '@sagamesh/charts/synthesize';
import { describe, expect, it } from 'vitest';
import { withImageStamps } from './image-stamps.ts';

const objects = synthesize('kind').flatMap((file) => file.objects);
const stamped = (id: string) =>
  objects.map((object) =>
    withImageStamps(object, (image) => (image.startsWith('sagamesh/') ? id : undefined)),
  );
const changed = (one: readonly unknown[], other: readonly unknown[]) =>
  objects.filter((_object, index) => JSON.stringify(one[index]) !== JSON.stringify(other[index]));

describe('a rebuilt image', () => {
  it('makes other pods of those who run it, and of nobody else', () => {
    const names = changed(stamped('sha256:one'), stamped('sha256:two')).map(
      ({ kind, metadata }) => `${kind} ${metadata.name}`,
    );
    expect(names).toHaveLength(9);
    expect(names).toContain('Deployment sagamesh-operator');
    expect(names).not.toContain('StatefulSet nats');
  });

  it('that is the same as before changes nothing', () => {
    expect(changed(stamped('sha256:one'), stamped('sha256:one'))).toEqual([]);
  });

  it('leaves the other annotations of the pods', () => {
    const order = stamped('sha256:one').find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'order',
    );
    expect(JSON.stringify(order)).toContain('sidecar.istio.io/nativeSidecar');
  });
});
