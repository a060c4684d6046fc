import { imagesOf } from '@sagamesh/charts/images';
import type { IstioSettings, KindSettings } from './kind-settings.ts';
import { imageBuilds, istioImages } from './project-images.ts';
import type { ImageBuild } from './project-images.ts';

/** What `make kind-up` does, in order, as data: each step looks first and leaves alone what is as it should be. */

export const clusterName = 'sagamesh';

export type Task =
  | { readonly kind: 'cluster'; readonly nodeImage: string | undefined }
  | {
      readonly kind: 'build';
      readonly builds: readonly ImageBuild[];
      readonly buildArgs: Readonly<Record<string, string>>;
    }
  /** To the node, by way of Docker here. `required`: whether the node may have to fetch what is not here. */
  | { readonly kind: 'load'; readonly images: readonly string[]; readonly required: boolean }
  | { readonly kind: 'istio'; readonly settings: IstioSettings }
  | { readonly kind: 'namespaces' }
  | { readonly kind: 'secrets' }
  | { readonly kind: 'apply' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'wait'; readonly timeoutSeconds: number }
  | { readonly kind: 'smoke'; readonly timeoutSeconds: number };

export interface Step {
  readonly title: string;
  readonly task: Task;
  /** What a person can do when it fails. */
  readonly advice: string;
}

export function planKindUp(settings: KindSettings): readonly Step[] {
  const images = imagesOf(settings.images);
  const builds = imageBuilds(images);
  const buildArgs = {
    NODE_IMAGE: settings.nodeImage,
    ...(settings.npmRegistry === undefined ? {} : { NPM_CONFIG_REGISTRY: settings.npmRegistry }),
  };
  // A registry of the site has our images already: whoever names one does not want to build.
  const build: Step[] =
    settings.images.registry === undefined
      ? [{ title: 'build images', task: { kind: 'build', builds, buildArgs }, advice: adviceOf.build }]
      : [];
  return [
    {
      title: 'cluster',
      task: { kind: 'cluster', nodeImage: settings.kindNodeImage },
      advice: adviceOf.cluster,
    },
    ...build,
    {
      title: 'load images',
      task: { kind: 'load', images: builds.map(({ image }) => image), required: true },
      advice: adviceOf.load,
    },
    {
      title: 'load other images',
      task: {
        kind: 'load',
        images: [images.nats, images.postgres, ...istioImages(settings.istio)],
        required: false,
      },
      advice: adviceOf.load,
    },
    { title: 'istio', task: { kind: 'istio', settings: settings.istio }, advice: adviceOf.istio },
    { title: 'namespaces', task: { kind: 'namespaces' }, advice: adviceOf.apply },
    { title: 'secrets', task: { kind: 'secrets' }, advice: adviceOf.secrets },
    { title: 'keys', task: { kind: 'keys' }, advice: adviceOf.keys },
    { title: 'manifests', task: { kind: 'apply' }, advice: adviceOf.apply },
    { title: 'wait', task: { kind: 'wait', timeoutSeconds: 600 }, advice: adviceOf.wait },
    { title: 'smoke order', task: { kind: 'smoke', timeoutSeconds: 300 }, advice: adviceOf.smoke },
  ];
}

const adviceOf = {
  cluster:
    'A cluster that is half made, or does not come up, is removed by `make kind-down`, with all that is in it. Where the usual image registries are out of reach, set KIND_NODE_IMAGE to a node image that is here.',
  build:
    'Builds need NODE_IMAGE (default node:24-bookworm-slim) and an npm registry (NPM_CONFIG_REGISTRY for another). Sites without either: IMAGE_REGISTRY, or docs/install.md, "Images".',
  load: 'The images must be here (`docker images`) or in a registry that `docker pull` reaches: see IMAGE_REGISTRY, NATS_IMAGE and POSTGRES_IMAGE. A full disk shows here, too: `docker system df`.',
  istio:
    'Look at `kubectl -n istio-system get pods` and `describe pod`. An image that cannot be pulled: set ISTIO_HUB and ISTIO_TAG. A proxy image with the Envoy of upstream: ISTIO_VALUES=tools/cluster/istio-upstream-envoy.yaml.',
  secrets:
    'Nothing was overwritten. A Secret that lacks a key was made by somebody else: complete or delete it.',
  keys: 'See `kubectl -n shop get secret user-signing-keys`; deleting it makes new keys, and every token invalid.',
  apply:
    'The API server refused an object. Objects of an older version whose fields cannot change: `make uninstall`, then again.',
  wait: 'Look at `kubectl get pods -A` and at the named pods with `describe` and `logs`. Then run `make kind-up` again: it goes on from here.',
  smoke:
    "Everything runs but an order did not get through: `kubectl get osaga -n shop`, `kubectl logs -n shop deploy/order`, and the gateway's log `kubectl logs -n sagamesh-gateway deploy/gateway`.",
} as const;
