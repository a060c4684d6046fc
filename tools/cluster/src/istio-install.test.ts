import { describe, expect, it } from 'vitest';
import { installStamp, istioctlArgs } from './istio-install.ts';

const usual = { istioctl: 'istioctl', hub: undefined, tag: undefined, valuesFile: undefined };
const inputs = { istioctlVersion: '1.31.0', settings: usual, valuesTexts: ['a'] };

describe('the installation of Istio', () => {
  it('takes our file first, so that the file of the site has the last word', () => {
    expect(istioctlArgs(usual, 'ours.yaml')).toEqual(['-f', 'ours.yaml']);
    const site = { ...usual, hub: 'site/istio', tag: '1.31.0', valuesFile: '/site/values.yaml' };
    expect(istioctlArgs(site, 'ours.yaml').join(' ')).toBe(
      '-f ours.yaml -f /site/values.yaml --set hub=site/istio --set tag=1.31.0',
    );
  });

  it.each([
    ['another istioctl', { ...inputs, istioctlVersion: '1.31.1' }],
    ['another hub', { ...inputs, settings: { ...usual, hub: 'site/istio' } }],
    ['another tag', { ...inputs, settings: { ...usual, tag: '1.31.0' } }],
    ['other values', { ...inputs, valuesTexts: ['a', 'b'] }],
  ])('is done again for %s', (_what, changed) => {
    expect(installStamp(changed)).not.toBe(installStamp(inputs));
  });

  it('is not done again for the same', () => {
    expect(installStamp({ ...inputs })).toBe(installStamp(inputs));
  });
});
