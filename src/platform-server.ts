import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Service } from "./service.ts";
import type { Fault } from "./simulator.ts";

export interface PlatformServerOptions {
  listen: { host: string; port: number };
  answer: RequestListener;
  upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** For simulators: the platform's HTTP side. Keeps its port while it is away, which it is while its fault is "refuse". */
export class PlatformServer implements Service {
  readonly #listenAt: PlatformServerOptions["listen"];
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  #fault: Fault | null = null;
  #left = 0;
  #base = "";

  constructor({ listen, answer, upgrade }: PlatformServerOptions) {
    this.#listenAt = listen;
    this.#server = createServer(answer);
    if (upgrade) this.#server.on("upgrade", upgrade);
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {});
    });
  }

  /** Empty before start. */
  get base(): string {
    return this.#base;
  }

  async start(): Promise<void> {
    if (!this.#server.listening) await this.#listen(this.#listenAt.port);
  }

  /** Breaks all connections. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  /** As Simulator.fault. */
  fault(next: Fault | null): void {
    const wasAway = this.#fault?.kind === "refuse";
    this.#fault = next;
    this.#left = next?.times ?? Number.POSITIVE_INFINITY;
    if (next?.kind === "refuse" && !wasAway) void this.stop();
    if (next?.kind !== "refuse" && wasAway) void this.#listen(Number(new URL(this.#base).port));
  }

  /** How the call that is being answered goes wrong, if it does: uses up one of the fault's times, unless it does not touch this call. */
  takeFault(touches: (kind: Fault["kind"]) => boolean = () => true): Fault | undefined {
    if (!this.#fault || this.#left <= 0 || !touches(this.#fault.kind)) return undefined;
    this.#left--;
    return this.#fault;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, this.#listenAt.host, () => {
        this.#server.off("error", reject);
        const { address, port } = this.#server.address() as AddressInfo;
        this.#base = `http://${address}:${port}`;
        resolve();
      });
    });
  }
}
