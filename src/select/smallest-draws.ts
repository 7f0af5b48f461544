/** The items with the smallest draws of all that are offered; of equal draws those that came first. */
export class SmallestDraws {
  /** Ascending by draw. */
  readonly items: number[] = [];
  readonly #draws: number[] = [];
  readonly #count: number;

  /** @param count how many items are kept, at most */
  constructor(count: number) {
    this.#count = count;
  }

  /** Whether an item with this draw would be kept. */
  takes(draw: number): boolean {
    const { length } = this.#draws;
    return length < this.#count || (length > 0 && draw < (this.#draws[length - 1] as number));
  }

  offer(draw: number, item: number): void {
    if (!this.takes(draw)) return;
    let at = Math.min(this.#draws.length, this.#count - 1);
    for (; at > 0 && draw < (this.#draws[at - 1] as number); at--) {
      this.#draws[at] = this.#draws[at - 1] as number;
      this.items[at] = this.items[at - 1] as number;
    }
    this.#draws[at] = draw;
    this.items[at] = item;
  }
}
