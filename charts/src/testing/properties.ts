import { callerProperties } from './caller-properties.ts';
import { meshProperties } from './mesh-properties.ts';
import { objectProperties } from './object-properties.ts';
import { podProperties } from './pod-properties.ts';
import type { Property } from './property.ts';

/** All of them; `properties.test.ts` shows for each what it takes to break it. */
export const properties: readonly Property[] = [
  ...callerProperties,
  ...meshProperties,
  ...objectProperties,
  ...podProperties,
];
