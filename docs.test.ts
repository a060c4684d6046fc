import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  conditionReasons,
  deadLetterReasons,
  failureReasons,
  rejectionReasons,
} from '@sagamesh/contracts/reasons';
import { allInvariants } from '@sagamesh/invariants/all-invariants';
import { describe, expect, it } from 'vitest';
import { faultKinds } from './verification/simulation/src/kernel/fault.ts';

/** README and docs/ speak of files, targets, reasons, invariants and faults that exist, and of every one that can appear. */

const root = import.meta.dirname;

function markdownFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const pages = [
  'README.md',
  'charts/README.md',
  'verification/simulation/README.md',
  'tools/checklist/README.md',
  'tools/judges/README.md',
  'tools/mesh/README.md',
  'tools/sandbox/README.md',
  ...markdownFiles('docs'),
];
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

const topFolders = [
  'packages',
  'operator',
  'services',
  'charts',
  'verification',
  'tools',
  'manifests',
  'test',
  'docs',
];

/** Words in backticks that look like a path: below a top folder of the repository or one of `folders`, or a source file. */
function pathsOf(text: string, folders: readonly string[] = []): string[] {
  const tops = [...topFolders, ...folders];
  return [...text.matchAll(/`([A-Za-z0-9._/-]+)`/g)]
    .map((match) => match[1] ?? '')
    .filter((word) => tops.some((top) => word.startsWith(`${top}/`)) || /^[\w.-]+\.ts$/.test(word));
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
    const folder = join(root, dirname(page));
    const paths = pathsOf(textOf(page), existsSync(join(folder, 'src')) ? ['src'] : []);
    const places = [root, folder, join(folder, 'src')];
    const missing = paths.filter((path) => !places.some((place) => existsSync(join(place, path))));
    expect(missing).toEqual([]);
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
      'services/kit/src/token-config.ts',
      ...['order', 'inventory', 'payment', 'notification', 'user'].map(
        (name) => `services/${name}/src/config.ts`,
      ),
    ];
    const variables = sources.flatMap((source) =>
      [...textOf(source).matchAll(/^ +([A-Z][A-Z0-9_]+): /gm)].map((match) => match[1] ?? ''),
    );
    expect(variables.length).toBeGreaterThan(20);
    expect(variables.filter((name) => !section('Environment').includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the promises and what judges them', () => {
  const text = textOf('docs/guarantees.md');
  const ids = allInvariants.map(({ id }) => id);
  const part = (heading: string): string =>
    text.split(/^## /m).find((each) => each.startsWith(heading)) ?? '';
  const promises = part('What is promised')
    .split(/^(?=\d+\. )/m)
    .slice(1);

  it('name invariants that exist, each promise at least one, and every invariant somewhere', () => {
    const named = promises.map((promise) => invariantsIn(promise));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((own) => own.length === 0)).toEqual([]);
    expect([...new Set(named.flat())].toSorted(byNumber)).toEqual(ids);
  });

  it('link each invariant to its line among the figures', () => {
    for (const promise of promises)
      expect(promise.match(/\[I\d+\]\(robustness\.md#invariants\)/g)).toHaveLength(
        invariantsIn(promise).length,
      );
  });

  it('name every fault of the simulation, and no other', () => {
    const named = [...part('Under which faults').matchAll(/`((?:bus|api|db|provider|mail|process)\.\w+)`/g)];
    expect(named.map((match) => match[1] ?? '').toSorted()).toEqual(faultKinds.toSorted());
  });

  it('are followed by figures of every invariant, with its sentence', () => {
    const rows = [...textOf('docs/robustness.md').matchAll(/^\| (I\d+) +\| (.*?) +\|/gm)];
    expect(rows.map(([, id, title]) => ({ id, title }))).toEqual(
      allInvariants.map(({ id, title }) => ({ id, title })),
    );
  });
});

/** `I7`, each time. */
function invariantsIn(text: string): string[] {
  return [...text.matchAll(/\bI\d+\b/g)].map(([id]) => id);
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(1)) - Number(b.slice(1));
}

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
