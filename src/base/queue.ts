/**
 * A queue whose cost for an item is the same with one and with a million: shift() of an array of more than some 20,000 items
 * moves them all.
 */
export class Queue<T extends object> {
  #items: (T | undefined)[] = [];
  /** The index of the first item; those before it are taken. */
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The first item, which stays; undefined if there is none. */
  peek(): T | undefined {
    return this.#items[this.#first];
  }

  /** Takes the first item; undefined if there is none. */
  take(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.#first * 2 < this.#items.length) return item;
    this.#items = this.#items.slice(this.#first);
    this.#first = 0;
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }
}
