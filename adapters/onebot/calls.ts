import { ClawdbotError, type Clock } from "clawdbot";
import type { Fields, Result } from "./frames.ts";

const ANSWER_WITHIN_MS = 30_000;

interface Pending {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Calls on one connection that wait for their answer, known by `echo`. Once a call is written, only an answer tells what became of it. */
export class Calls {
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Writes the call and resolves with its answer, whatever that says; rejects when there is none. */
  async make(action: string, params: Fields, write: (frame: string) => void, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    const echo = `c${++this.#count}`;
    const late = new ClawdbotError("CLAWDBOT_ERR_TIMEOUT", "the peer did not answer the call", { retryable: true });
    const timer = this.#clock.setTimeout(() => this.#pending.get(echo)?.reject(late), ANSWER_WITHIN_MS);
    const aborted = () => this.#pending.get(echo)?.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#pending.set(echo, { resolve, reject });
        write(JSON.stringify({ action, params, echo }));
      });
    } finally {
      this.#clock.clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      this.#pending.delete(echo);
    }
  }

  /** False when nobody waits for that answer. */
  answer(result: Result): boolean {
    const pending = this.#pending.get(result.echo ?? "");
    pending?.resolve(result);
    return pending !== undefined;
  }

  /** The connection is gone: whether these calls were carried out will never be known. */
  end(): void {
    const lost = new ClawdbotError("CLAWDBOT_ERR_PLATFORM", "the connection was lost before the peer answered", { retryable: true });
    for (const pending of this.#pending.values()) pending.reject(lost);
  }
}
