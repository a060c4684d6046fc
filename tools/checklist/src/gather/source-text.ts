/** Reading TypeScript by its text: enough to find calls, strings and statements, and no compiler. Pure. */

/** Comments become spaces; strings, line breaks and so line numbers stay. */
export function withoutComments(source: string): string {
  // A string comes first wherever both could begin: "//" within quotes is no comment.
  const pattern = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[^]*?\*\//g;
  return source.replaceAll(pattern, (part) => (part.startsWith('/') ? part.replaceAll(/[^\n]/g, ' ') : part));
}

export interface Found {
  readonly line: number;
  readonly text: string;
  /** The pattern's first group. */
  readonly group: string;
  readonly index: number;
}

/** `pattern` has the flag g. */
export function findAll(text: string, pattern: RegExp): readonly Found[] {
  return [...text.matchAll(pattern)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + leadingLines(match[0]),
    text: match[0].trim().replaceAll(/\s+/g, ' '),
    group: match[1] ?? '',
    index: match.index,
  }));
}

function leadingLines(text: string): number {
  return (/^\s*/.exec(text)?.[0].split('\n').length ?? 1) - 1;
}

/** The text of a call from its name to its closing parenthesis; to the end when there is none. */
export function callAt(text: string, index: number): string {
  let depth = 0;
  for (let at = text.indexOf('(', index); at >= 0 && at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return text.slice(index, at + 1);
  }
  return text.slice(index);
}
