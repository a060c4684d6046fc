import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';

/** A list that is also a file of JSON lines, so that a restarted sink still knows what it received. */
export interface JsonLines<T> {
  readonly all: readonly T[];
  add(entry: T): void;
}

/** Without a file the list lives in memory alone. Lines that cannot be read (torn by a crash) are left out. */
export function openJsonLines<T extends object>(
  schema: z.ZodType<T>,
  file: string | undefined,
): JsonLines<T> {
  const all: T[] = file === undefined ? [] : readEntries(schema, file);
  return {
    all,
    add: (entry) => {
      all.push(entry);
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
    },
  };
}

function readEntries<T>(schema: z.ZodType<T>, file: string): T[] {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, '');
  const text = readFileSync(file, 'utf8');
  if (text !== '' && !text.endsWith('\n')) appendFileSync(file, '\n');
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = schema.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}
