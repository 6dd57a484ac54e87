import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { UpgradeHandler } from "../adapter.ts";

/** Connections that became something else than HTTP. They belong to their handlers; the server only knows which they are. */
export interface Upgrades {
  add(path: string, handler: UpgradeHandler): void;
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  has(socket: Duplex): boolean;
}

export function createUpgrades(failed: (error: unknown) => void): Upgrades {
  const handlers = new Map<string, UpgradeHandler>();
  const upgraded = new Set<Duplex>();

  return {
    add(path, handler) {
      handlers.set(path, handler);
    },
    handle(request, socket, head) {
      // A peer that resets must not end the process; who uses the socket adds its own listener.
      socket.on("error", () => socket.destroy());
      const handler = handlers.get(request.url!.split("?", 1)[0]!);
      if (!handler) {
        refuse(socket, "404 Not Found");
        return;
      }
      upgraded.add(socket);
      socket.once("close", () => upgraded.delete(socket));
      try {
        handler(request, socket, head);
      } catch (error) {
        failed(error);
        refuse(socket, "500 Internal Server Error");
      }
    },
    has: (socket) => upgraded.has(socket),
  };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
