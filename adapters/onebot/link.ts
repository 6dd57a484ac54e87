import { type AdapterContext, errorCode, errorText, type Timer, UnreachableError } from "clawdbot";
import type { WebSocket } from "ws";
import { Calls } from "./calls.ts";
import { type Fields, type Frame, parseFrame, type Result } from "./frames.ts";

/** Why the daemon ends a connection. https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
export const CLOSE = { binary: 1003, policy: 1008, restart: 1012, tryAgain: 1013, notProtocol: 4000 } as const;

const MAX_MISSED_PINGS = 2;
/** A peer that has not read this much is closed. */
const MAX_UNREAD = 8 * 1024 * 1024;
const CLOSE_WITHIN_MS = 1000;

export interface LinkParts {
  socket: WebSocket;
  context: AdapterContext;
  /** ms */
  pingInterval: number;
  onEvent(link: Link, event: Fields, text: string): void;
  /** The pong must wait until all that the peer sent before is on disk: so a peer can find out what was taken. */
  onPing(link: Link, pong: () => void): void;
  onClose(link: Link): void;
}

/** One open connection to a peer, whoever dialled: events come in, calls go out, and each call's answer finds its way back. */
export class Link {
  /** What the peer said against the connection, if anything. */
  refusal: string | undefined;
  readonly #on: LinkParts;
  readonly #calls: Calls;
  #missedPings = 0;
  #pinger: Timer | undefined;

  constructor(on: LinkParts) {
    this.#on = on;
    this.#calls = new Calls(on.context.clock);
  }

  open(): void {
    const { socket, context } = this.#on;
    socket.on("message", (data, isBinary) => this.#hear(data as Buffer, isBinary));
    socket.on("pong", () => {
      this.#missedPings = 0;
    });
    socket.on("ping", (data) => {
      this.#missedPings = 0;
      this.#on.onPing(this, () => this.#isOpen && socket.pong(data));
    });
    // ws closes by itself with the right code: 1007 for bad UTF-8, 1009 for too large, 1002 for the rest.
    socket.on("error", (error) => context.log.debug("connection failed", { code: errorCode(error) }));
    socket.on("close", () => {
      context.clock.clearTimeout(this.#pinger);
      this.#calls.end();
      this.#on.onClose(this);
    });
    this.#pingLater();
  }

  /** Resolves with what the peer answers. Throws UnreachableError when the call surely was not made. */
  call(action: string, params: Fields, signal: AbortSignal): Promise<Result> {
    const { socket } = this.#on;
    if (!this.#isOpen) return Promise.reject(new UnreachableError("the connection to the peer is closed"));
    if (socket.bufferedAmount > MAX_UNREAD) {
      void this.close(CLOSE.tryAgain, "reads too slowly");
      return Promise.reject(new UnreachableError("the peer reads too slowly"));
    }
    return this.#calls.make(action, params, (frame) => socket.send(frame), signal);
  }

  /** Asks the peer to end the connection, and ends it when that takes too long. */
  close(code: number, reason: string): Promise<void> {
    const { socket, context } = this.#on;
    if (socket.readyState === socket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      const patience = context.clock.setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS);
      socket.once("close", () => {
        context.clock.clearTimeout(patience);
        resolve();
      });
      socket.close(code, reason);
    });
  }

  get #isOpen(): boolean {
    return this.#on.socket.readyState === this.#on.socket.OPEN;
  }

  #hear(data: Buffer, isBinary: boolean): void {
    this.#missedPings = 0;
    if (!this.#isOpen) return;
    if (isBinary) return void this.close(CLOSE.binary, "text frames only");
    const text = data.toString();
    let frame: Frame | undefined;
    try {
      frame = parseFrame(text);
    } catch (error) {
      this.#on.context.log.warn("connection closed: not the protocol", { error: errorText(error) });
      return void this.close(CLOSE.notProtocol, "not JSON");
    }
    if (frame?.kind === "event") this.#on.onEvent(this, frame.event, text);
    else if (frame && !this.#calls.answer(frame.result)) this.#unasked(frame.result);
  }

  /** A peer that does not like the token says so after the upgrade, and hangs up. */
  #unasked({ retcode }: Result): void {
    if (retcode === 1401 || retcode === 1403) this.refusal = "the peer refused the token";
    else this.#on.context.log.debug("answer to a call that nobody waits for", { retcode });
  }

  #pingLater(): void {
    const { socket, context, pingInterval } = this.#on;
    this.#pinger = context.clock.setTimeout(() => {
      if (this.#missedPings >= MAX_MISSED_PINGS) return socket.terminate();
      this.#missedPings++;
      if (this.#isOpen) socket.ping();
      this.#pingLater();
    }, pingInterval);
    this.#pinger.unref();
  }
}
