import type { HttpClient, HttpResponse, RequestOptions } from "../adapter.ts";
import type { Clock, Random } from "../clock.ts";
import type { Logger } from "../skill.ts";
import { createGuardedFetch } from "./guarded-fetch.ts";
import { createHttpClient } from "./http-client.ts";

/** All outbound HTTP of the daemon goes through here. */
export interface Net {
  /** A keep-alive client of a peer that the operator configured. The same base URL gives the same client. */
  client(baseUrl: string): HttpClient;
  /** For an address that came from outside (see guarded-fetch.ts). */
  fetch(url: string, options?: RequestOptions): Promise<HttpResponse>;
  /** Ends all connections; calls under way reject. */
  close(): Promise<void>;
}

export function createNet(on: { ioTimeoutMs: number; clock: Clock; random: Random; log: Logger }): Net {
  const options = { timeoutMs: on.ioTimeoutMs, clock: on.clock, random: on.random };
  const clients = new Map<string, ReturnType<typeof createHttpClient>>();
  const guarded = createGuardedFetch({ ...options, log: on.log });
  return {
    client(baseUrl) {
      let client = clients.get(baseUrl);
      if (!client) {
        client = createHttpClient(baseUrl, options);
        clients.set(baseUrl, client);
      }
      return client;
    },
    fetch: guarded.fetch,
    async close() {
      await Promise.all([guarded.close(), ...[...clients.values()].map((client) => client.close())]);
    },
  };
}
