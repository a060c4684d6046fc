import { defaultPlan } from '@sagamesh/contracts/order-saga';
import type { EffectKind, Side } from '../kernel/fault.ts';
import { effectsOf } from '../schedule/make-plan.ts';
import { phaseOf } from './boundary-places.ts';
import type { PlacedBoundary } from './boundary-places.ts';

/** Which boundaries must have been died at, whatever the scenarios are: a hole means that something was not tried. */

const sides: readonly Side[] = ['before', 'after'];
const phases = ['forward', 'undo'] as const;

/** What becomes of a command: how far it had come when somebody died. */
const stages = ['sent', 'carried out', 'provider asked', 'answered', 'acknowledged'] as const;
type Stage = (typeof stages)[number];

export interface CoverageRow {
  readonly title: string;
  /** Key by column; undefined: cannot be. */
  readonly keys: Readonly<Record<string, string | undefined>>;
}

/** An order is taken in before its saga can be undone, so that is acknowledged on the way forward only. */
const impossible = new Set<string>(
  sides.map((side) => effectKey({ role: 'operator', effect: 'ack', side }, 'undo')),
);

/** Effect x side x role, forward and undo. */
export const effectRows: readonly CoverageRow[] = Object.entries(effectsOf).flatMap(([role, effects]) =>
  effects.flatMap((effect) =>
    sides.map((side) => ({
      title: `${role} ${side} ${effect}`,
      keys: Object.fromEntries(
        phases.map((phase) => {
          const key = effectKey({ role, effect, side }, phase);
          return [phase, impossible.has(key) ? undefined : key];
        }),
      ),
    })),
  ),
);

interface Errand {
  readonly errand: string;
  readonly service: string;
  /** The consumer that reads it, `<service>-<action>`. */
  readonly consumer: string;
}

/** Each step in each direction that the default plan has. */
const errands: readonly Errand[] = defaultPlan.flatMap(({ name, service, execute, compensate, pivot }) => [
  { errand: `execute ${name}`, service, consumer: `${service}-${execute}` },
  ...(compensate === undefined
    ? []
    : [{ errand: `compensate ${name}`, service, consumer: `${service}-${compensate}` }]),
  ...(pivot === true ? [{ errand: `revoke ${name}`, service, consumer: `${service}-${execute}` }] : []),
]);

/** Step x direction x how far the command had come, before and after each. */
export const errandRows: readonly CoverageRow[] = errands.map(({ errand, service }) => ({
  title: errand,
  keys: Object.fromEntries(
    stages.flatMap((stage) =>
      sides.map((side) => {
        const isNever = stage === 'provider asked' && service !== 'payment';
        return [`${side} ${stage}`, isNever ? undefined : `${errand}: ${side} ${stage}`];
      }),
    ),
  ),
}));

/** What a death at this boundary counts for. */
export function coverageKeys(boundary: PlacedBoundary): readonly string[] {
  const keys = [effectKey(boundary, phaseOf(boundary))];
  const { place, side } = boundary;
  if (place === undefined) return keys;
  const name = `${place.direction} ${place.step}`;
  const errand = errands.find((each) => each.errand === name);
  const stage = errand === undefined ? undefined : stageOf(boundary, errand);
  return stage === undefined ? keys : [...keys, `${name}: ${side} ${stage}`];
}

function effectKey(
  { role, effect, side }: { readonly role: string; readonly effect: EffectKind; readonly side: Side },
  phase: 'forward' | 'undo',
): string {
  return `${role} ${side} ${effect} ${phase}`;
}

function stageOf({ role, effect, what }: PlacedBoundary, { service, consumer }: Errand): Stage | undefined {
  if (role === 'operator') return effect === 'publish' && what.startsWith('saga.cmd.') ? 'sent' : undefined;
  if (role !== service) return undefined;
  if (effect === 'commit') return 'carried out';
  if (effect === 'providerCall') return 'provider asked';
  if (effect === 'publish') return what.startsWith('saga.reply.') ? 'answered' : undefined;
  return what.startsWith(`ack ${consumer} `) ? 'acknowledged' : undefined;
}

/** Keys that nobody died at. */
export function holesIn(deaths: Readonly<Record<string, number>>): readonly string[] {
  return [...effectRows, ...errandRows]
    .flatMap(({ keys }) => Object.values(keys))
    .filter((key): key is string => key !== undefined && (deaths[key] ?? 0) === 0);
}
