import type { Images, ProjectImage } from '@sagamesh/charts/images';
import type { IstioSettings } from './kind-settings.ts';

/** Which images there are, and how ours are built. */

const dockerfiles: Readonly<Record<ProjectImage, string>> = {
  order: 'services/order/Dockerfile',
  inventory: 'services/inventory/Dockerfile',
  payment: 'services/payment/Dockerfile',
  notification: 'services/notification/Dockerfile',
  user: 'services/user/Dockerfile',
  operator: 'operator/Dockerfile',
  'payment-provider': 'tools/payment-provider/Dockerfile',
  'smtp-sink': 'tools/sinks/smtp-sink.Dockerfile',
  'sms-sink': 'tools/sinks/sms-sink.Dockerfile',
};

export interface ImageBuild {
  readonly image: string;
  /** From the root of the repository. */
  readonly dockerfile: string;
}

export function imageBuilds(images: Images): readonly ImageBuild[] {
  return Object.entries(dockerfiles).map(([name, dockerfile]) => ({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a key of the table above
    image: images.ours(name as ProjectImage),
    dockerfile,
  }));
}

/** Those that `istioctl install` will name; undefined when only istioctl knows. */
export function istioImages({ hub, tag }: IstioSettings): readonly string[] {
  if (hub === undefined || tag === undefined) return [];
  return [`${hub}/pilot:${tag}`, `${hub}/proxyv2:${tag}`];
}
