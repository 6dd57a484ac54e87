import { Agent, request } from "node:http";
import { errorCode } from "clawdbot";
import type { Callback } from "./simulator-callbacks.ts";

const PATH = "/clawdbot/dingtalk/callback";
const PATIENCE_MS = 5000;
const CONNECTIONS = 64;

/** Delivers callbacks over kept connections. */
export interface CallbackPost {
  /** The status, or why there was none. */
  deliver(daemonUrl: string, callback: Callback): Promise<number | string>;
  stop(): void;
}

export function createCallbackPost(): CallbackPost {
  let agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  return {
    deliver(daemonUrl, { headers, body }) {
      return new Promise((resolve) => {
        const all = { ...headers, "content-length": Buffer.byteLength(body) };
        const call = request(daemonUrl + PATH, { method: "POST", agent, headers: all, timeout: PATIENCE_MS }, (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode!));
          response.on("error", (error) => resolve(errorCode(error)));
        });
        call.on("timeout", () => call.destroy(Object.assign(new Error("no answer"), { code: "timeout" })));
        call.on("error", (error) => resolve(errorCode(error)));
        call.end(body);
      });
    },
    stop() {
      agent.destroy();
      agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    },
  };
}
