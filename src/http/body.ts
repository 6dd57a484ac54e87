import type { IncomingMessage } from "node:http";

/** Gathers a request's body and hands it on, or says that it is larger than `most` bytes; neither when the peer goes away before. */
export function collectBody(request: IncomingMessage, most: number, done: (body: Buffer) => void, tooLarge: () => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > most) {
      request.removeAllListeners("data").removeAllListeners("end");
      tooLarge();
    } else {
      chunks.push(chunk);
    }
  });
  request.on("end", () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
}
