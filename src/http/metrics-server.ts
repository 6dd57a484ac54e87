import type { Clock } from "../clock.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Service } from "../service.ts";
import type { Logger } from "../skill.ts";
import { createHttpServer } from "./server.ts";

export interface MetricsServerOptions extends Pick<Metrics, "scrape"> {
  enabled: boolean;
  host: string;
  /** 0 = any free one. */
  port: number;
  clock: Clock;
  log: Logger;
}

export interface MetricsServer extends Service {
  /** Undefined when it is not enabled or not started. */
  readonly url: string | undefined;
}

/** Serves /metrics on a port of its own: it has no token, so it must not be reachable where the callbacks are. */
export function createMetricsServer({ enabled, host, port, scrape, clock, log }: MetricsServerOptions): MetricsServer {
  const server = createHttpServer({ host, port, maxBody: 0, maxConnectionsPerAddress: 64, clock, log });
  server.route("GET", "/metrics", async () => {
    const { contentType, body } = await scrape();
    return { status: 200, contentType, body };
  });
  return {
    get url() {
      return server.url ? `${server.url}/metrics` : undefined;
    },
    start: async () => (enabled ? server.start() : undefined),
    stop: server.stop,
  };
}
