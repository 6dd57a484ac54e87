import { request } from "node:http";
import { relative } from "node:path";
import type { DaemonStatus } from "../../src/http/admin-api.ts";

/** What the running daemon says of itself, through the socket that the command line uses; undefined when there is none (yet). */
export function statusOf(dir: string): Promise<DaemonStatus | undefined> {
  const socketPath = relative(process.cwd(), `${dir}/data/admin.sock`);
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: "/status", method: "POST", agent: false, headers: { "content-type": "application/json" } });
    asking.on("response", async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const answer = JSON.parse(Buffer.concat(chunks).toString()) as { ok: boolean; result: DaemonStatus };
      if (answer.ok) resolve(answer.result);
      else reject(new Error(JSON.stringify(answer)));
    });
    asking.on("error", () => resolve(undefined));
    asking.end("{}");
  });
}
