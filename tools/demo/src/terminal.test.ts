import { describe, expect, it } from 'vitest';
import type { ConditionChange } from './saga-view.ts';
import { changeLine, paintFor, type Paint, table } from './terminal.ts';

const plain: Paint = (_style, text) => text;
const marked: Paint = (style, text) => `<${String(style)}>${text}</>`;

const succeeded: ConditionChange = {
  saga: 'order-1001',
  type: 'Succeeded',
  status: 'True',
  reason: 'Completed',
  message: 'all steps are done',
};

describe('a line of what moved', () => {
  it('has time, saga, reason, every condition that moved, and the message', () => {
    const progressing = { ...succeeded, type: 'Progressing', status: 'False' };
    expect(changeLine(1_234, [succeeded, progressing], plain)).toBe(
      '  1.23 s  order-1001            Completed  Succeeded=True Progressing=False  all steps are done',
    );
  });

  it('keeps its columns when the name of the saga is long', () => {
    const line = changeLine(0, [{ ...succeeded, saga: 'a-very-long-name-of-an-order' }], plain);
    expect(line).toContain('  a-very-long-name-of-  Completed  ');
  });

  it('is empty when nothing moved', () => {
    expect(changeLine(0, [], plain)).toBe('');
  });

  it.each([
    ['Succeeded', 'True', 'green'],
    ['Succeeded', 'Unknown', 'yellow'],
    ['Stalled', 'True', 'red'],
    ['Stalled', 'False', 'dim'],
  ])('shows %s=%s in %s', (type, status, style) => {
    expect(changeLine(0, [{ ...succeeded, type, status }], marked)).toContain(
      `<${style}>${type}=${status}</>`,
    );
  });
});

describe('a table', () => {
  it('makes each column as wide as its widest cell and ends lines without blanks', () => {
    expect(
      table([
        ['order', 'outcome', ''],
        ['order-1001', 'ok', ''],
      ]),
    ).toBe('order       outcome\norder-1001  ok');
  });

  it('of nothing is empty', () => {
    expect(table([])).toBe('');
  });
});

describe('colour', () => {
  it.each([
    ['no terminal', { isTTY: false }, {}],
    ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }],
    ['CI', { isTTY: true }, { CI: 'true' }],
  ])('is left out with %s', (_name, stream, env) => {
    expect(paintFor(stream, env)('green', 'ok')).toBe('ok');
  });
});
