/** What is still to happen, earliest first; of the same moment what was put in first. */

export interface TimedEvent {
  readonly atMillis: number;
  readonly sequence: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class EventHeap {
  readonly #items: TimedEvent[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(event: TimedEvent): void {
    const items = this.#items;
    let index = items.length;
    items.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent];
      if (above === undefined || !isBefore(event, above)) break;
      items[index] = above;
      index = parent;
    }
    items[index] = event;
  }

  /** The next one that was not cancelled. */
  pop(): TimedEvent | undefined {
    for (;;) {
      const event = this.#popAny();
      if (event === undefined || !event.cancelled) return event;
    }
  }

  peek(): TimedEvent | undefined {
    while (this.#items[0]?.cancelled) this.#popAny();
    return this.#items[0];
  }

  #popAny(): TimedEvent | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= items.length) break;
      const right = left + 1;
      const child = right < items.length && isBefore(items[right]!, items[left]!) ? right : left;
      if (!isBefore(items[child]!, last)) break;
      items[index] = items[child]!;
      index = child;
    }
    items[index] = last;
    return first;
  }
}

function isBefore(a: TimedEvent, b: TimedEvent): boolean {
  return a.atMillis < b.atMillis || (a.atMillis === b.atMillis && a.sequence < b.sequence);
}
