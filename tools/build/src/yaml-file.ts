import { stringify } from 'yaml';

/** One generated file, as it must stand in the repository. */
export interface GeneratedFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly content: string;
}

/** YAML with a comment on top; several documents are parted by `---`. The same input gives the same bytes. Words that YAML 1.1 reads as truth values are quoted: kubectl does. */
export function yamlFile(path: string, comment: string, documents: readonly object[]): GeneratedFile {
  const head = comment
    .split('\n')
    .map((line) => `# ${line}`.trimEnd())
    .join('\n');
  const body = documents.map((document) =>
    stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' }),
  );
  return { path, content: `${head}\n${body.join('---\n')}` };
}

export function jsonFile(path: string, value: object): GeneratedFile {
  return { path, content: `${JSON.stringify(value, null, 2)}\n` };
}
