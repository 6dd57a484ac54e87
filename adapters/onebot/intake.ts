import { type AdapterContext, ClawdbotError, errorCode, errorText, type InboundMessage, type Timer } from "clawdbot";

const RETRY_MS = 1000;
/** Bytes of messages that wait for the store. */
const MAX_HELD = 8 * 1024 * 1024;
/** What a mark counts for, so that pings without end have an end here. */
const MARK_BYTES = 128;

interface Held {
  /** Absent for a mark. */
  message?: InboundMessage;
  bytes: number;
  state: "new" | "underway" | "done";
  /** For a mark: what is to be done when all before it is on disk. */
  reached?: () => void;
}

/**
 * The messages of one account on their way to the store. No peer sends a message twice, so one that the store refuses is held here, and all
 * after it, until the store takes it; beyond MAX_HELD they are dropped. Not on disk: what is held when the daemon stops is lost.
 */
export class Intake {
  readonly #account: string;
  readonly #context: AdapterContext;
  /** In the order of arrival. */
  #held: Held[] = [];
  #bytes = 0;
  #underway = 0;
  #dropped = 0;
  #refused = false;
  #retry: Timer | undefined;

  constructor(account: string, context: AdapterContext) {
    this.#account = account;
    this.#context = context;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** False when there is no room: the message is lost, since nobody would bring it again. */
  take(message: InboundMessage, bytes: number): boolean {
    if (this.#bytes + bytes > MAX_HELD) {
      if (this.#dropped++ === 0) this.#context.log.error("too many messages wait for the store: dropping", { account: this.#account });
      return false;
    }
    if (this.#dropped > 0) this.#context.log.error("messages were dropped", { account: this.#account, messages: this.#dropped });
    this.#dropped = 0;
    const held: Held = { message, bytes, state: "new" };
    this.#held.push(held);
    this.#bytes += bytes;
    if (!this.#refused) this.#offer(held);
    return true;
  }

  /** Calls `reached` once everything that was given before is on disk; never, when there is no room to remember it. */
  mark(reached: () => void): void {
    if (this.#bytes > MAX_HELD) return;
    this.#held.push({ bytes: MARK_BYTES, state: "done", reached });
    this.#bytes += MARK_BYTES;
    this.#advance();
  }

  /** Gives up what is held. */
  stop(): void {
    this.#context.clock.clearTimeout(this.#retry);
    const lost = this.#held.filter(({ state }) => state !== "done").length;
    if (lost > 0) this.#context.log.warn("messages were not taken before the stop", { account: this.#account, messages: lost });
    this.#held = [];
    this.#refused = true;
  }

  #offer(held: Held): void {
    held.state = "underway";
    this.#underway++;
    this.#context.receive(held.message!).then(
      () => this.#settled(held, true),
      (error: unknown) => this.#settled(held, this.#isHopeless(error)),
    );
  }

  #settled(held: Held, done: boolean): void {
    this.#underway--;
    held.state = done ? "done" : "new";
    if (!done) this.#refused = true;
    this.#advance();
    if (this.#refused && this.#underway === 0 && this.#held.length > 0) this.#retryLater();
  }

  /** Whether the same message would never be taken. */
  #isHopeless(error: unknown): boolean {
    const hopeless = !(error instanceof ClawdbotError && error.retryable);
    const fields = { account: this.#account, code: errorCode(error), error: errorText(error) };
    if (hopeless) this.#context.log.error("message dropped", fields);
    else if (!this.#refused) this.#context.log.warn("messages are held until the store takes them", fields);
    return hopeless;
  }

  #retryLater(): void {
    this.#retry = this.#context.clock.setTimeout(() => {
      this.#refused = false;
      for (const held of this.#held) if (held.state === "new") this.#offer(held);
    }, RETRY_MS);
    this.#retry.unref();
  }

  #advance(): void {
    while (this.#held[0]?.state === "done") {
      const { bytes, reached } = this.#held.shift()!;
      this.#bytes -= bytes;
      reached?.();
    }
  }
}
