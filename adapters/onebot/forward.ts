import { type AdapterContext, backoff, errorText, sleep } from "clawdbot";
import type { WebSocket } from "ws";
import type { PeerConfig } from "./config.ts";

const HANDSHAKE_MS = 10_000;
/** A connection that held this long was a good one: the next attempt is soon. */
const GOOD_AFTER_MS = 60_000;

export interface ForwardParts {
  context: AdapterContext;
  maxFrameBytes: number;
  /** Takes the connection as it opens; resolves when it has ended, with why. */
  serve(socket: WebSocket): Promise<string>;
  /** The state has changed. */
  changed(): void;
}

/** Keeps one connection to a peer that the daemon dials; the only one that reconnects it. */
export class Forward {
  /** Host and port: what may be shown. */
  readonly name: string;
  /** Why it is not connected; undefined when it is. */
  problem: string | undefined = "connecting";
  readonly #peer: PeerConfig;
  readonly #on: ForwardParts;
  #ended: AbortController | undefined;

  constructor(peer: PeerConfig, on: ForwardParts) {
    this.#peer = peer;
    this.#on = on;
    this.name = new URL(peer.url).host;
  }

  /** Resolves after the first attempt, however that ends; further ones follow for ever. */
  start(): Promise<void> {
    const ended = new AbortController();
    this.#ended = ended;
    return new Promise((tried) => void this.#keep(ended.signal, tried));
  }

  /** Ends the attempts. The connection itself belongs to who serves it. */
  stop(): void {
    this.#ended?.abort();
  }

  async #keep(signal: AbortSignal, tried: () => void): Promise<void> {
    const { clock, random, log } = this.#on.context;
    for (let attempt = 1; !signal.aborted; attempt++) {
      let opened: number | undefined;
      try {
        const { ended } = await this.#dial(signal);
        opened = clock.monotonic();
        this.#tell(undefined);
        tried();
        this.#tell(await ended);
      } catch (error) {
        this.#tell(errorText(error));
      }
      tried();
      if (signal.aborted) return;
      if (opened !== undefined && clock.monotonic() - opened > GOOD_AFTER_MS) attempt = 1;
      log.warn("no connection to the peer", { peer: this.name, error: this.problem ?? "" });
      await sleep(clock, backoff(random, Math.min(attempt, 10)), signal).catch(() => undefined);
    }
  }

  /** https://github.com/botuniverse/onebot-11/blob/master/communication/ws.md */
  async #dial(signal: AbortSignal): Promise<{ ended: Promise<string> }> {
    const { WebSocket } = await import("ws");
    const { url, token } = this.#peer;
    const socket = new WebSocket(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: this.#on.maxFrameBytes,
      perMessageDeflate: false,
      autoPong: false,
    });
    const abort = () => socket.terminate();
    signal.addEventListener("abort", abort);
    try {
      return await new Promise((resolve, reject) => {
        socket.on("unexpected-response", (_request, { statusCode }) => {
          reject(new Error(statusCode === 401 || statusCode === 403 ? "the peer refused the token" : `the peer answered ${statusCode}`));
          socket.terminate();
        });
        socket.on("error", reject);
        // Served within this turn: the peer's first frame may have come with its answer.
        socket.once("open", () => resolve({ ended: this.#on.serve(socket) }));
      });
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #tell(problem: string | undefined): void {
    this.problem = problem;
    this.#on.changed();
  }
}
