import type { AddressInfo, Server } from "node:net";
import { ClawdbotError, errorCode } from "../errors.ts";

const REASONS: Record<string, string> = {
  EADDRINUSE: "another program listens there (or this daemon already runs)",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "not allowed: ports below 1024 need a privilege",
  ENOTFOUND: "there is no such host name",
};

/** Begins to listen, or says in one sentence why not. Port 0 takes any free one. */
export function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const reason = REASONS[errorCode(error)] ?? error.message;
      reject(new ClawdbotError("CLAWDBOT_ERR_CONFIG", `cannot listen on ${hostAndPort(host, port)}: ${reason}`, { cause: error }));
    };
    server.once("error", failed);
    server.listen({ host, port }, () => {
      server.removeListener("error", failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Where a client on this machine finds a listener. */
export function urlOf({ address, port }: AddressInfo): string {
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return `http://${hostAndPort(host, port)}`;
}

function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
