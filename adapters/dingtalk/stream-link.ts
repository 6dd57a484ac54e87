import { type Clock, errorText, type Logger, type Timer, UnreachableError } from "clawdbot";
import type { RawData, WebSocket } from "ws";
import { type Frame, parseFrame } from "./frames.ts";

const HANDSHAKE_MS = 10_000;
/** After this much silence the peer is asked for a pong, and without any sign of life after that much more it is dead. */
const SILENCE_MS = 30_000;
const PONG_MS = 10_000;
/** The platform closes an expired connection after 10 s; so long may what arrived on it be answered. */
const LAST_ACKS_MS = 10_000;
const CLOSE_MS = 1000;
const MAX_FRAME = 1024 * 1024;

/** Why nothing more will come in on a link: the platform said so, the connection ended, or it gave no sign of life. */
export type Ending = "expired" | "closed" | "dead";

export interface LinkParts {
  clock: Clock;
  log: Logger;
  /** Resolves with the frame to answer, undefined for none: then the platform pushes again. Must not reject. */
  answer(frame: Frame): Promise<string | undefined>;
}

/**
 * One socket of Stream mode. It tells its end once, and never opens another: that is its owner's. A pong is a sign of life, so a
 * connection on which nobody writes is not taken for dead.
 */
export class Link {
  /** Resolves as soon as nothing more can be expected from the link; its socket may still be open. */
  readonly ended: Promise<Ending>;
  readonly #socket: WebSocket;
  readonly #on: LinkParts;
  readonly #closed: Promise<void>;
  #end!: (ending: Ending) => void;
  #watchdog: Timer | undefined;
  #unanswered = 0;
  #answeredAll: (() => void) | undefined;

  private constructor(socket: WebSocket, on: LinkParts) {
    this.#socket = socket;
    this.#on = on;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#closed = new Promise((resolve) => {
      socket.once("close", (code) => {
        on.clock.clearTimeout(this.#watchdog);
        on.log.debug("stream connection closed", { code });
        this.#end("closed");
        resolve();
      });
    });
    socket.on("message", (data) => this.#hear(data));
    socket.on("ping", () => this.#watch());
    socket.on("pong", () => this.#watch());
    this.#watch();
  }

  /** Resolves when the socket is open; rejects when that takes too long, is refused, or the signal fires. */
  static async connect(url: string, on: LinkParts, signal: AbortSignal): Promise<Link> {
    const { WebSocket } = await import("ws");
    signal.throwIfAborted();
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_FRAME });
    return await new Promise((resolve, reject) => {
      let reason = "";
      const giveUp = (why: string) => {
        reason = why;
        socket.terminate();
      };
      const stopped = () => giveUp("stopped");
      const deadline = on.clock.setTimeout(() => giveUp(`no connection within ${HANDSHAKE_MS} ms`), HANDSHAKE_MS);
      const settle = () => {
        on.clock.clearTimeout(deadline);
        signal.removeEventListener("abort", stopped);
      };
      signal.addEventListener("abort", stopped, { once: true });
      // Stays for good: an error without a listener would end the process. "close" follows each one.
      socket.on("error", (error) => {
        settle();
        reject(new UnreachableError(`stream connection failed: ${reason || errorText(error)}`, error));
      });
      socket.once("open", () => {
        settle();
        resolve(new Link(socket, on));
      });
    });
  }

  /** Answers what has arrived, then closes. Never takes longer than the platform would wait. */
  async retire(): Promise<void> {
    const { clock } = this.#on;
    if (this.#unanswered > 0) {
      await new Promise<void>((resolve) => {
        const patience = clock.setTimeout(resolve, LAST_ACKS_MS);
        this.#answeredAll = () => {
          clock.clearTimeout(patience);
          resolve();
        };
        void this.#closed.then(this.#answeredAll);
      });
    }
    const limit = clock.setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    this.#socket.close(1000);
    await this.#closed;
    clock.clearTimeout(limit);
  }

  #hear(data: RawData): void {
    this.#watch();
    const frame = parseFrame(String(data));
    if (!frame) this.#on.log.debug("stream frame not understood");
    else if (frame.type === "SYSTEM" && frame.topic === "disconnect") this.#end("expired");
    else void this.#answer(frame);
  }

  async #answer(frame: Frame): Promise<void> {
    this.#unanswered++;
    const answer = await this.#on.answer(frame);
    if (answer !== undefined && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(answer);
    if (--this.#unanswered === 0) this.#answeredAll?.();
  }

  #watch(): void {
    const { clock } = this.#on;
    clock.clearTimeout(this.#watchdog);
    this.#watchdog = clock.setTimeout(() => {
      if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
      this.#watchdog = clock.setTimeout(() => {
        this.#end("dead");
        this.#socket.terminate();
      }, PONG_MS);
    }, SILENCE_MS);
  }
}
