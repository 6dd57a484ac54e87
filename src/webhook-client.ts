import { Agent, request } from "node:http";
import { errorCode } from "./errors.ts";

export interface WebhookAnswer {
  /** HTTP status, or why there was none. */
  status: number | string;
  body: string;
}

/** For simulators: posts to the daemon as the platform does, over kept connections. Not for adapters: it checks no address. */
export class WebhookClient {
  readonly #connections: number;
  readonly #patienceMs: number;
  #agent: Agent;

  constructor({ connections = 64, patienceMs = 5000 }: { connections?: number; patienceMs?: number } = {}) {
    this.#connections = connections;
    this.#patienceMs = patienceMs;
    this.#agent = this.#newAgent();
  }

  post(url: string, body: string, headers: Record<string, string>): Promise<WebhookAnswer> {
    return new Promise((resolve) => {
      const unanswered = (error: unknown) => resolve({ status: errorCode(error), body: "" });
      const options = {
        method: "POST",
        agent: this.#agent,
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        timeout: this.#patienceMs,
      };
      const call = request(url, options, (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (answer += chunk));
        response.on("end", () => resolve({ status: response.statusCode!, body: answer }));
        response.on("error", unanswered);
      });
      call.on("timeout", () => call.destroy(Object.assign(new Error("no answer"), { code: "timeout" })));
      call.on("error", unanswered);
      call.end(body);
    });
  }

  /** Breaks all connections; the next post makes new ones. */
  stop(): void {
    this.#agent.destroy();
    this.#agent = this.#newAgent();
  }

  #newAgent(): Agent {
    return new Agent({ keepAlive: true, maxSockets: this.#connections });
  }
}
