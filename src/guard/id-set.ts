/**
 * Ids of users or groups, as an operator lists them. An id with a colon is `channel:id` and counts on that channel alone; one
 * without counts on every channel. So nobody becomes a user of another channel by choosing "channel:id" as a name.
 */
export class IdSet {
  readonly #anywhere = new Set<string>();
  readonly #byChannel = new Map<string, Set<string>>();

  constructor(ids: Iterable<string>) {
    for (const id of ids) {
      const colon = id.indexOf(":");
      if (colon < 0) {
        this.#anywhere.add(id);
        continue;
      }
      const channel = id.slice(0, colon);
      const known = this.#byChannel.get(channel);
      if (known) known.add(id.slice(colon + 1));
      else this.#byChannel.set(channel, new Set([id.slice(colon + 1)]));
    }
  }

  has(channel: string, id: string): boolean {
    return this.#anywhere.has(id) || this.#byChannel.get(channel)?.has(id) === true;
  }
}
