import { styleText } from 'node:util';
import type { ConditionChange } from './saga-view.ts';

/** Lines for people. Colour only on a terminal that wants it; state is always text, never colour alone. */

type Style = Parameters<typeof styleText>[0];

export type Paint = (style: Style, text: string) => string;

export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const colour = stream.isTTY === true && env['NO_COLOR'] === undefined && env['CI'] === undefined;
  return colour ? (style, text) => styleText(style, text) : (_style, text) => text;
}

/** One line per saga and look: which conditions moved, and why. */
export function changeLine(atMillis: number, changes: readonly ConditionChange[], paint: Paint): string {
  const first = changes[0];
  if (!first) return '';
  const seconds = `${(atMillis / 1_000).toFixed(2).padStart(6)} s`;
  const moved = changes
    .map(({ type, status }) => paint(styleOf(type, status), `${type}=${status}`))
    .join(' ');
  return `${paint('dim', seconds)}  ${first.saga.padEnd(20).slice(0, 20)}  ${paint('bold', first.reason)}  ${moved}  ${paint('dim', first.message)}`;
}

function styleOf(type: string, status: string): Style {
  if (type === 'Succeeded' && status === 'True') return 'green';
  if (type === 'Stalled' && status === 'True') return 'red';
  return status === 'Unknown' ? 'yellow' : 'dim';
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
