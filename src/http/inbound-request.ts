import type { IncomingMessage } from "node:http";
import type { RouteRequest } from "../adapter.ts";

/** A request as handlers see it. The headers are made an object only for a handler that asks: that costs more than all the rest. */
export class InboundRequest implements RouteRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Buffer;
  readonly #incoming: IncomingMessage;

  constructor(incoming: IncomingMessage, path: string, query: string, body: Buffer) {
    this.method = incoming.method!;
    this.path = path;
    this.query = query;
    this.body = body;
    this.#incoming = incoming;
  }

  get headers(): IncomingMessage["headers"] {
    return this.#incoming.headers;
  }

  get remoteAddress(): string {
    return plainAddress(this.#incoming.socket.remoteAddress);
  }
}

/** An IPv4 peer of a socket that listens on both families is still an IPv4 peer. */
export function plainAddress(address: string | undefined): string {
  return address === undefined ? "" : address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
