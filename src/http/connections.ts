import type { Socket } from "node:net";
import { plainAddress } from "./inbound-request.ts";

/** The open sockets of a server: so that one address cannot take them all, and that stopping can tell the idle ones. */
export interface Connections {
  /** Takes a new one in, or closes it unanswered when its address has too many (an IPv6 network of /64 counts as one address). */
  add(socket: Socket): void;
  began(socket: Socket): void;
  /** A request was answered. The socket is ended when that was its last one and the server stops. */
  ended(socket: Socket): void;
  /** From now on sockets without a request under way are ended, except those that the server has handed over. */
  drain(handedOver: (socket: Socket) => boolean): void;
  /** Ends all at once. */
  destroy(): void;
}

export function createConnections(mostPerAddress: number): Connections {
  /** Requests under way by socket. */
  const sockets = new Map<Socket, number>();
  const perAddress = new Map<string, number>();
  let draining = false;

  return {
    add(socket) {
      draining = false;
      const address = network(plainAddress(socket.remoteAddress));
      const count = (perAddress.get(address) ?? 0) + 1;
      if (count > mostPerAddress) {
        socket.destroy();
        return;
      }
      perAddress.set(address, count);
      sockets.set(socket, 0);
      socket.once("close", () => {
        sockets.delete(socket);
        const left = perAddress.get(address)! - 1;
        if (left === 0) perAddress.delete(address);
        else perAddress.set(address, left);
      });
    },
    // A socket that has closed is not known any more: a peer that goes away takes its requests with it.
    began(socket) {
      const underWay = sockets.get(socket);
      if (underWay !== undefined) sockets.set(socket, underWay + 1);
    },
    ended(socket) {
      const underWay = sockets.get(socket);
      if (underWay === undefined) return;
      sockets.set(socket, underWay - 1);
      if (draining && underWay === 1) socket.destroySoon();
    },
    drain(handedOver) {
      draining = true;
      for (const [socket, underWay] of sockets) if (underWay === 0 && !handedOver(socket)) socket.destroySoon();
    },
    destroy() {
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}

/** One customer of a provider owns a whole /64. */
function network(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("::");
  const left = head.split(":").filter(Boolean);
  const right = tail.split(":").filter(Boolean);
  const zeros = new Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
