import { type AdapterContext, errorText, type Reply, type Timer } from "clawdbot";
import { replyFrame } from "./frames.ts";

const SAVE_AFTER_MS = 2000;

/** One open connection, as its client sees it. */
export interface Connected {
  /** Shows a reply; called in the order of numbers. */
  push(frame: string): void;
  /** Shows what may as well be lost. */
  offer(frame: string): void;
  /** Asks the peer to end the connection; resolves when it has ended. */
  close(code: number, reason: string): Promise<void>;
  /** Ends the connection without asking. */
  terminate(): void;
}

/** A reply that has its number. Its frame may go out once the core has said that the number is on disk. */
interface Numbered {
  sequence: number;
  confirmed: Reply | undefined;
}

/**
 * One client: its open connections, the numbers of its replies, and how far it has confirmed them.
 *
 * A number is given before the reply is committed (it is stored with it) and shown after. The commits of two conversations may end in
 * the other order, so confirmed replies wait until every smaller number is confirmed as well: a client that has seen n has seen all up
 * to n. What `send` has resolved for ends in `delivered`, in another `send` of the same reply (its number is used again), or with the
 * process, after which numbers that were never committed are given anew.
 */
export class Client {
  readonly name: string;
  readonly connections = new Set<Connected>();
  /** Every reply up to here is on disk and was shown to the connections of its time. */
  released = 0;
  /** The client has every reply up to here. */
  acked = 0;
  readonly #context: AdapterContext;
  #last = 0;
  /** By the reply's id; ascending by sequence. */
  readonly #waiting = new Map<string, Numbered>();
  #loading: Promise<void> | undefined;
  #unsaved = false;
  #saver: Timer | undefined;

  constructor(name: string, context: AdapterContext) {
    this.name = name;
    this.#context = context;
  }

  /** Must have resolved before anything else is called. */
  load(): Promise<void> {
    this.#loading ??= this.#read().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #read(): Promise<void> {
    const { kv, sent } = this.#context;
    const [[last], saved] = await Promise.all([sent(this.name, -1, 1), kv.get(this.#key)]);
    const mark = saved?.value as { seq: number; acked: number } | undefined;
    // The saved number matters when retention has taken all replies: without it the numbers would begin again.
    this.released = Math.max(last?.result.sequence ?? 0, mark?.seq ?? 0);
    this.#last = this.released;
    this.acked = mark?.acked ?? 0;
    if ((mark?.seq ?? 0) !== this.released) this.#saveLater();
  }

  /** The reply's number: the next one, or the one it was given before. */
  number(reply: Reply): number {
    let numbered = this.#waiting.get(reply.id);
    if (!numbered) {
      numbered = { sequence: ++this.#last, confirmed: undefined };
      this.#waiting.set(reply.id, numbered);
    }
    return numbered.sequence;
  }

  /** The number and the fact that the reply is sent are on disk: shows it, with all that waited for it, to every open connection. */
  confirm(reply: Reply): void {
    const numbered = this.#waiting.get(reply.id);
    if (!numbered) return;
    numbered.confirmed = reply;
    for (const [id, { sequence, confirmed }] of this.#waiting) {
      if (!confirmed) break;
      this.#waiting.delete(id);
      this.released = sequence;
      if (this.connections.size > 0) {
        const frame = replyFrame(confirmed, sequence);
        for (const connection of this.connections) connection.push(frame);
      }
    }
    this.#saveLater();
  }

  /** Notes that the client has every reply up to seq. False for a number that it was never sent. */
  ack(seq: number): boolean {
    if (seq > this.released) return false;
    if (seq > this.acked) {
      this.acked = seq;
      this.#saveLater();
    }
    return true;
  }

  /** Writes down how far the client is. Losing it in a crash only repeats replies that it knows by their numbers. */
  async save(): Promise<void> {
    this.#context.clock.clearTimeout(this.#saver);
    this.#saver = undefined;
    if (!this.#unsaved) return;
    this.#unsaved = false;
    try {
      await this.#context.kv.set(this.#key, { seq: this.released, acked: this.acked });
    } catch (error) {
      this.#unsaved = true;
      this.#context.log.warn("acknowledgements were not kept", { client: this.name, error: errorText(error) });
    }
  }

  #saveLater(): void {
    this.#unsaved = true;
    if (this.#saver) return;
    this.#saver = this.#context.clock.setTimeout(() => void this.save(), SAVE_AFTER_MS);
    this.#saver.unref();
  }

  get #key(): string {
    return `client:${this.name}`;
  }
}
