/** The few pieces of markdown that the page needs. */

/** `#title` is a column of numbers. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const titles = columns.map((column) => column.replace(/^#/, ''));
  const rule = columns.map((column) => (column.startsWith('#') ? '--:' : '---'));
  return [titles, rule, ...rows.map((row) => row.map(cell))].map((cells) => `| ${cells.join(' | ')} |`);
}

export function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function decimal(value: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A cell is one line, and a bar in it ends it. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim();
}
