/**
 * The number up to which every event of a connection is on disk, whatever order they get there in. Only that number is ever told to the
 * platform, so that it sends again what is not.
 */
export class ResumePoint {
  #position: number;
  readonly #arrived: { sequence: number; done: boolean }[] = [];

  constructor(position: number) {
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get waiting(): number {
    return this.#arrived.length;
  }

  /** Notes that an event came in; the function that it returns is to be called once it is on disk. Numbers may have gaps. */
  arrived(sequence: number): () => void {
    const entry = { sequence, done: false };
    this.#arrived.push(entry);
    return () => {
      entry.done = true;
      while (this.#arrived[0]?.done) this.#position = Math.max(this.#position, this.#arrived.shift()!.sequence);
    };
  }
}
