import type { Duplex } from "node:stream";
import { type AdapterContext, ClawdbotError, errorCode, errorText, type Timer } from "clawdbot";
import type { WebSocket } from "ws";
import type { Login } from "./authenticate.ts";
import type { Client, Connected } from "./clients.ts";
import type { WebSocketConfig } from "./config.ts";
import { FrameError } from "./frame-error.ts";
import { acceptedFrame, errorFrame, type MessageFrame, parseFrame, replyFrame, welcomeFrame } from "./frames.ts";
import { normalise } from "./normalise.ts";

/** Why the daemon ends a connection. https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
export const CLOSE = { binary: 1003, restart: 1012, tryAgain: 1013, notProtocol: 4000 } as const;

const FIRST_FRAME_MS = 1000;
const PAGE = 100;
/** A peer that has not read this much is closed: what it missed comes again when it is back. */
const MAX_UNREAD = 8 * 1024 * 1024;
/** Replies from the store wait at this much. */
const MAX_UNREAD_HISTORY = 1024 * 1024;
/** Bytes of messages that wait for the store. */
const MAX_UNANSWERED = 8 * 1024 * 1024;
const MAX_MISSED_PINGS = 2;

export interface ConnectionParts {
  socket: WebSocket;
  /** What the socket writes to. */
  stream: Duplex;
  login: Login;
  client: Client;
  config: WebSocketConfig;
  context: AdapterContext;
}

/** One open socket of a client. Its first frame, or a second of silence, decides which old replies it gets; new ones follow those. */
export class Connection implements Connected {
  readonly #on: ConnectionParts;
  #state: "greeted" | "catching up" | "live" = "greeted";
  #missedPings = 0;
  #unansweredBytes = 0;
  #corked = false;
  #silence: Timer | undefined;
  #pinger: Timer | undefined;

  constructor(on: ConnectionParts) {
    this.#on = on;
  }

  open(): void {
    const { socket, client, config, context } = this.#on;
    client.connections.add(this);
    socket.on("message", (data, isBinary) => this.#hear(data as Buffer, isBinary));
    socket.on("pong", () => {
      this.#missedPings = 0;
    });
    // ws closes by itself with the right code: 1007 for bad UTF-8, 1009 for too large, 1002 for the rest.
    socket.on("error", (error) => context.log.debug("connection failed", { client: client.name, code: errorCode(error) }));
    socket.on("close", () => this.#closed());
    this.#write(welcomeFrame(client.name, client.released, config.max_frame_bytes));
    this.#silence = context.clock.setTimeout(() => this.#begin(client.acked), FIRST_FRAME_MS);
    this.#silence.unref();
    this.#pingLater();
  }

  /** Left out until the connection has what came before it: then it is read from the store. */
  push(frame: string): void {
    if (this.#state === "live") this.#write(frame);
  }

  offer(frame: string): void {
    if (this.#state === "live" && this.#on.socket.bufferedAmount === 0) this.#write(frame);
  }

  close(code: number, reason: string): Promise<void> {
    const { socket } = this.#on;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.close(code, reason);
    return closed;
  }

  terminate(): void {
    this.#on.socket.terminate();
  }

  get #isOpen(): boolean {
    return this.#on.socket.readyState === this.#on.socket.OPEN;
  }

  #hear(data: Buffer, isBinary: boolean): void {
    this.#missedPings = 0;
    if (!this.#isOpen) return;
    if (isBinary) {
      this.#on.socket.close(CLOSE.binary, "text frames only");
      return;
    }
    try {
      this.#take(data.toString(), data.length);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#write(errorFrame(error, error.id));
      if (error.fatal) this.#on.socket.close(CLOSE.notProtocol, "not JSON");
    }
  }

  #take(text: string, size: number): void {
    const { client } = this.#on;
    const frame = parseFrame(text);
    if (frame.type === "ack" && !client.ack(frame.seq))
      throw new FrameError(`seq ${frame.seq} was never sent: the last is ${client.released}`);
    if (frame.type === "resume" && this.#state !== "greeted") throw new FrameError("resume must be the first frame");
    if (this.#state === "greeted") this.#begin(frame.type === "resume" ? frame.seq : client.acked);
    if (frame.type === "message") this.#receive(frame, size);
    else if (frame.type === "ping") this.#write('{"type":"pong"}');
  }

  /** Hands the message over at once, so that the order of frames is the order of messages; answers when it is on disk. */
  #receive(frame: MessageFrame, size: number): void {
    const { login, context } = this.#on;
    this.#unanswered(size);
    context.receive(normalise(frame, login, context.clock.now())).then(
      (result) => {
        this.#unanswered(-size);
        this.#write(acceptedFrame(frame.id, result));
      },
      (error: unknown) => {
        if (!(error instanceof ClawdbotError)) context.log.error("message not taken", { client: login.client, error: errorText(error) });
        this.#unanswered(-size);
        this.#write(errorFrame(error, frame.id));
      },
    );
  }

  /** Stops reading while too much waits for the store. */
  #unanswered(bytes: number): void {
    const { socket } = this.#on;
    this.#unansweredBytes += bytes;
    if (this.#unansweredBytes > MAX_UNANSWERED) socket.pause();
    else if (socket.isPaused) socket.resume();
  }

  #begin(after: number): void {
    const { clock, log } = this.#on.context;
    clock.clearTimeout(this.#silence);
    this.#state = "catching up";
    this.#catchUp(after).catch((error: unknown) => {
      log.warn("old replies could not be read", { client: this.#on.client.name, error: errorText(error) });
      this.#on.socket.close(CLOSE.tryAgain, "try again later");
    });
  }

  /**
   * Sends every reply after `position`, then goes live. Replies are read only as far as all before them were on disk when the reading
   * began: a larger number may be stored while a smaller one is still on its way there.
   */
  async #catchUp(position: number): Promise<void> {
    const { client, context } = this.#on;
    while (position < client.released) {
      const until = client.released;
      const page = await context.sent(client.name, position, PAGE);
      for (const { reply, result } of page) {
        if (result.sequence! > until) break;
        await this.#writeWhenRoom(replyFrame(reply, result.sequence!));
        if (!this.#isOpen) return;
        position = result.sequence!;
      }
      if (page.length < PAGE || page.at(-1)!.result.sequence! > until) position = until;
    }
    this.#state = "live";
  }

  #writeWhenRoom(frame: string): Promise<void> | undefined {
    if (this.#on.socket.bufferedAmount < MAX_UNREAD_HISTORY) {
      this.#write(frame);
      return undefined;
    }
    return new Promise((resolve) => this.#on.socket.send(frame, () => resolve()));
  }

  #write(frame: string): void {
    const { socket, stream } = this.#on;
    if (!this.#isOpen) return;
    if (socket.bufferedAmount > MAX_UNREAD) {
      socket.close(CLOSE.tryAgain, "reads too slowly");
      return;
    }
    // All frames of one turn leave in one system call.
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    socket.send(frame);
  }

  #pingLater(): void {
    const { socket, config, context } = this.#on;
    this.#pinger = context.clock.setTimeout(() => {
      if (this.#missedPings >= MAX_MISSED_PINGS) return this.terminate();
      if (!socket.isPaused) this.#missedPings++;
      if (this.#isOpen) socket.ping();
      this.#pingLater();
    }, config.ping_interval);
    this.#pinger.unref();
  }

  #closed(): void {
    const { clock } = this.#on.context;
    this.#on.client.connections.delete(this);
    clock.clearTimeout(this.#silence);
    clock.clearTimeout(this.#pinger);
  }
}
