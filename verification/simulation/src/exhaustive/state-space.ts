/**
 * Every state that can be reached, breadth first, so that the path to a broken law is a shortest one. This file: the search alone. What a
 * state is, what may happen in it and which laws hold, a `Model` says. States are strings: two states are the same state if they are equal.
 */

/** `helps`: part of a run without faults and without people, so it counts for the question whether an end can be reached. */
export type Emit = (next: string, helps: boolean, move: Move) => void;

/** Numbers, because millions are made and a handful are ever read. The model knows what they mean. */
export interface Move {
  readonly kind: number;
  readonly who: number;
  readonly what: number;
}

export interface Model {
  readonly start: string;
  /** Calls `emit` for each thing that may happen next. */
  expand(state: string, emit: Emit): void;
  /** The broken law, or null. */
  violation(state: string): string | null;
  hasEnded(state: string): boolean;
  /** It is right that nothing but a person can end this state. */
  waitsForPerson(state: string): boolean;
  /** A path in words, one line per state. */
  tell(path: readonly string[]): readonly string[];
}

export interface Search {
  readonly states: number;
  readonly transitions: number;
  readonly ends: number;
  /** States that wait for a person, by right: not counted among those without an end. */
  readonly waitingForPerson: number;
  /** States from which no end is reachable although nobody need help. */
  readonly withoutEnd: number;
  /** Shortest path to the first broken law, or to the first state without an end. */
  readonly problem: { readonly what: string; readonly path: readonly string[] } | null;
}

export class TooManyStatesError extends Error {
  override readonly name = 'TooManyStatesError';
}

/** Throws TooManyStatesError when there are more than `statesMax`. */
export function explore(model: Model, statesMax: number): Search {
  const keys = [model.start];
  const ids = new Map([[model.start, 0]]);
  const parents = new NumberList();
  const helping = new NumberList();
  parents.push(-1);
  let transitions = 0;
  let from = 0;
  const emit: Emit = (next, helps) => {
    transitions += 1;
    let to = ids.get(next);
    if (to === undefined) {
      to = keys.length;
      ids.set(next, to);
      keys.push(next);
      parents.push(from);
    }
    if (helps && to !== from) helping.push(from, to);
  };
  for (; from < keys.length; from += 1) {
    if (keys.length > statesMax) throw new TooManyStatesError(`more than ${statesMax} states`);
    const key = keys[from] ?? '';
    const what = model.violation(key);
    if (what !== null) {
      const problem = { what, path: model.tell(pathTo(from, keys, parents)) };
      return { states: keys.length, transitions, ends: 0, waitingForPerson: 0, withoutEnd: 0, problem };
    }
    model.expand(key, emit);
  }
  return { states: keys.length, transitions, ...endsOf(model, keys, parents, helping) };
}

function endsOf(
  model: Model,
  keys: readonly string[],
  parents: NumberList,
  helping: NumberList,
): Omit<Search, 'states' | 'transitions'> {
  const canEnd = new Uint8Array(keys.length);
  const queue: number[] = [];
  let waitingForPerson = 0;
  const take = (id: number) => {
    if (canEnd[id]) return;
    canEnd[id] = 1;
    queue.push(id);
  };
  keys.forEach((key, id) => void (model.hasEnded(key) && take(id)));
  const ends = queue.length;
  spread(queue, take, helping, keys.length);
  let withoutEnd = 0;
  let first = -1;
  for (let id = 0; id < keys.length; id += 1) {
    if (canEnd[id]) continue;
    if (model.waitsForPerson(keys[id] ?? '')) {
      waitingForPerson += 1;
      continue;
    }
    withoutEnd += 1;
    if (first < 0) first = id;
  }
  const problem =
    first < 0
      ? null
      : { what: 'no end can be reached from here', path: model.tell(pathTo(first, keys, parents)) };
  return { ends, waitingForPerson, withoutEnd, problem };
}

/** Backwards over the edges, which are turned round into one flat list per target. */
function spread(queue: number[], take: (id: number) => void, edges: NumberList, count: number): void {
  const starts = new Int32Array(count + 1);
  for (let at = 1; at < edges.length; at += 2) starts[edges.at(at) + 1] = (starts[edges.at(at) + 1] ?? 0) + 1;
  for (let id = 0; id < count; id += 1) starts[id + 1] = (starts[id + 1] ?? 0) + (starts[id] ?? 0);
  const sources = new Int32Array(edges.length / 2);
  const filled = starts.slice();
  for (let at = 0; at < edges.length; at += 2) {
    const to = edges.at(at + 1);
    const place = filled[to] ?? 0;
    sources[place] = edges.at(at);
    filled[to] = place + 1;
  }
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (let at = starts[id] ?? 0; at < (starts[id + 1] ?? 0); at += 1) take(sources[at] ?? 0);
  }
}

function pathTo(id: number, keys: readonly string[], parents: NumberList): string[] {
  const path: string[] = [];
  for (let at = id; at >= 0; at = parents.at(at)) path.unshift(keys[at] ?? '');
  return path;
}

/** A growing list of 32-bit numbers: tens of millions of edges fit where an array of objects would not. */
class NumberList {
  length = 0;
  #numbers = new Int32Array(1 << 16);

  push(...values: readonly number[]): void {
    if (this.length + values.length > this.#numbers.length) {
      const larger = new Int32Array(this.#numbers.length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    for (const value of values) {
      this.#numbers[this.length] = value;
      this.length += 1;
    }
  }

  at(index: number): number {
    return this.#numbers[index] ?? 0;
  }
}
