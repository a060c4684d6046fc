import { describe, expect, it } from 'vitest';
import { readKindSettings } from './kind-settings.ts';
import { planKindUp } from './kind-up-plan.ts';
import type { Task } from './kind-up-plan.ts';

const file = { kind: 'file', executable: true, text: () => 'kind: IstioOperator\n' } as const;

function plan(env: Readonly<Record<string, string>> = {}) {
  const read = readKindSettings(
    env,
    () => file,
    (path) => path,
  );
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return planKindUp(read.settings);
}
const task = <K extends Task['kind']>(steps: ReturnType<typeof plan>, kind: K) =>
  steps.map((step) => step.task).filter((one): one is Extract<Task, { kind: K }> => one.kind === kind);

describe('the plan of kind-up', () => {
  it('has what each step needs done before it', () => {
    expect(plan().map(({ task: { kind } }) => kind)).toEqual([
      'cluster',
      'build',
      'load',
      'load',
      'istio',
      'namespaces',
      'secrets',
      'keys',
      'apply',
      'wait',
      'smoke',
    ]);
  });

  it('says for each step what to do when it fails', () => {
    for (const { title, advice } of plan()) expect(`${title}: ${advice}`).toMatch(/: .{40,}/);
  });

  it('builds one image per process, and loads exactly those', () => {
    const steps = plan({ NODE_IMAGE: 'site/node:24', NPM_CONFIG_REGISTRY: 'https://npm.site' });
    const [build] = task(steps, 'build');
    expect(build?.builds).toHaveLength(9);
    expect(build?.buildArgs).toEqual({ NODE_IMAGE: 'site/node:24', NPM_CONFIG_REGISTRY: 'https://npm.site' });
    const [ours] = task(steps, 'load');
    expect(ours).toEqual({ kind: 'load', required: true, images: build?.builds.map(({ image }) => image) });
  });

  it('builds nothing when the site has the images in a registry', () => {
    const steps = plan({ IMAGE_REGISTRY: 'registry.site/shop' });
    expect(task(steps, 'build')).toEqual([]);
    const [ours] = task(steps, 'load');
    expect(ours?.images).toContain('registry.site/shop/sagamesh/order:0.1.0');
  });

  it("leaves Istio's images to the node unless the site names them", () => {
    const others = (env?: Readonly<Record<string, string>>) => task(plan(env), 'load')[1];
    expect(others()).toEqual({ kind: 'load', required: false, images: ['nats:2.15', 'postgres:15'] });
    expect(
      others({ ISTIO_HUB: 'site/istio', ISTIO_TAG: '1.31.0', NATS_IMAGE: 'site/nats:2' })?.images,
    ).toEqual(['site/nats:2', 'postgres:15', 'site/istio/pilot:1.31.0', 'site/istio/proxyv2:1.31.0']);
  });
});
