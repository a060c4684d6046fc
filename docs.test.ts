import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  conditionReasons,
  deadLetterReasons,
  failureReasons,
  rejectionReasons,
} from '@sagamesh/contracts/reasons';
import { describe, expect, it } from 'vitest';

/** README and docs/ speak of files, targets and reasons that exist, and of every reason that can appear. */

const root = import.meta.dirname;

function markdownFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const pages = ['README.md', ...markdownFiles('docs')];
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');

/** Targets of `[text](target)` that are not on the web: `{path, anchor}`. */
function linksOf(text: string): { readonly path: string; readonly anchor: string }[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { path, anchor };
    });
}

/** As GitHub makes anchors of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const topFolders = ['packages', 'operator', 'services', 'verification', 'tools', 'manifests', 'test', 'docs'];

/** Words in backticks that look like a path of this repository: below a top folder, or a source file at the root. */
function pathsOf(text: string): string[] {
  return [...text.matchAll(/`([A-Za-z0-9._/-]+)`/g)]
    .map((match) => match[1] ?? '')
    .filter(
      (word) => topFolders.some((top) => word.startsWith(`${top}/`)) || /^[\w.-]+\.(ts|json)$/.test(word),
    );
}

/** `make <target>` in running text and in code. */
function targetsOf(text: string): string[] {
  return [...text.matchAll(/(?:^|`)make ([a-z][a-z0-9-]*)/gm)].map((match) => match[1] ?? '');
}

describe.each(pages)('%s', (page) => {
  it('links to what exists', () => {
    const broken = linksOf(textOf(page)).filter(({ path, anchor }) => {
      const target = path === '' ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, target))) return true;
      return anchor !== '' && !anchorsOf(textOf(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names paths that exist', () => {
    expect(pathsOf(textOf(page)).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('names make targets that exist', () => {
    const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
    const known = new Set([...makefile.matchAll(/^([a-z][a-z0-9-]*):/gm)].map((match) => match[1]));
    expect(targetsOf(textOf(page)).filter((target) => !known.has(target))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const text = textOf('docs/operations.md');
  const section = (heading: string): string =>
    text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const explained = (heading: string): string[] =>
    [...section(heading).matchAll(/^\| `(\w+)` /gm)].map((match) => match[1] ?? '');

  it.each([
    ['Condition reasons', conditionReasons],
    ['Failure reasons', failureReasons],
    ['Rejection reasons', rejectionReasons],
    ['Dead letters', deadLetterReasons],
  ])('explains in "%s" every reason of its list, and no other', (heading, reasons) => {
    expect(explained(heading).toSorted()).toEqual(Object.keys(reasons).toSorted());
  });

  it('names every variable that a process reads', () => {
    const sources = [
      'packages/runtime/src/config.ts',
      'operator/src/config.ts',
      'services/kit/src/service-config.ts',
      ...['order', 'inventory', 'payment', 'notification'].map((name) => `services/${name}/src/config.ts`),
    ];
    const variables = sources.flatMap((source) =>
      [...textOf(source).matchAll(/^ +([A-Z][A-Z0-9_]+): /gm)].map((match) => match[1] ?? ''),
    );
    expect(variables.length).toBeGreaterThan(20);
    expect(variables.filter((name) => !section('Environment').includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the reading of a page', () => {
  it('finds links, anchors, paths and targets', () => {
    const text =
      '# What a `reason` means\n[a](b/c.md#what-a-reason-means) [w](https://x.y) `docs/x.md` `a.ts` `foo` `make up`\nmake down';
    expect(linksOf(text)).toEqual([{ path: 'b/c.md', anchor: 'what-a-reason-means' }]);
    expect(anchorsOf(text)).toEqual(['what-a-reason-means']);
    expect(pathsOf(text)).toEqual(['docs/x.md', 'a.ts']);
    expect(targetsOf(text)).toEqual(['up', 'down']);
  });
});
