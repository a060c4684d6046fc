/** Which images run. None is `latest`: a tag names one content, so a node that has it need not ask a registry. */

export const projectVersion = '0.1.0';

export type ProjectImage =
  | 'order'
  | 'inventory'
  | 'payment'
  | 'notification'
  | 'user'
  | 'operator'
  | 'payment-provider'
  | 'smtp-sink'
  | 'sms-sink';

/** For sites that take images from elsewhere. */
export interface ImageOverrides {
  /** Put before the names of our own images: `registry.example/team`. */
  readonly registry?: string;
  readonly nats?: string;
  readonly postgres?: string;
}

export interface Images {
  readonly ours: (name: ProjectImage) => string;
  readonly nats: string;
  readonly postgres: string;
}

export function imagesOf({ registry, nats, postgres }: ImageOverrides = {}): Images {
  const prefix = registry === undefined || registry === '' ? '' : `${registry.replace(/\/+$/, '')}/`;
  return {
    ours: (name) => `${prefix}sagamesh/${name}:${projectVersion}`,
    nats: nats ?? 'nats:2.15',
    postgres: postgres ?? 'postgres:15',
  };
}
