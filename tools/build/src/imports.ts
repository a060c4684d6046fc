/** The module specifiers of a TypeScript source, however the import is written; by text, so that no compiler is needed. */
export function importsOf(source: string): readonly string[] {
  const pattern =
    /^\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '');
}
