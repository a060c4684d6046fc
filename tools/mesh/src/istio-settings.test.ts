import { expect, it } from 'vitest';
import { istioSettings } from './istio-settings.ts';

it("takes the mesh's settings from what an install takes, with the switches for upstream's Envoy", () => {
  const { meshConfig, proxyConfig, env } = istioSettings();
  expect(meshConfig).toMatchObject({ outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } });
  expect(proxyConfig).toHaveProperty('proxyStatsMatcher');
  expect(env).toMatchObject({
    PILOT_ENABLE_ALPN_FILTER: 'false',
    PILOT_ENABLE_METADATA_EXCHANGE: 'false',
  });
});
