import { createServer as createHttp, type Server as HttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface Peer {
  port: number;
  url: string;
  /** Connections so far. */
  readonly connections: number;
  close(): Promise<void>;
}

function peer(server: Server | HttpServer, host: string): Promise<Peer> {
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  return new Promise((resolve) => {
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      resolve({
        port,
        url: `http://${host}:${port}`,
        get connections() {
          return connections;
        },
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

/** A peer that speaks HTTP. */
export const httpPeer = (listener: RequestListener, host = "127.0.0.1"): Promise<Peer> => peer(createHttp(listener), host);

/** A peer that does with its connections whatever the test says. */
export const rawPeer = (onConnection: (socket: Socket) => void, host = "127.0.0.1"): Promise<Peer> =>
  peer(createServer(onConnection), host);
