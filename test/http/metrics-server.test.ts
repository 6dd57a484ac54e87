import { afterEach, expect, test } from "vitest";
import { createMetricsServer, type MetricsServer } from "../../src/http/metrics-server.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let server: MetricsServer | undefined;
afterEach(() => server?.stop());

function make(enabled: boolean): MetricsServer {
  const scrape = async () => ({ contentType: "text/plain; version=0.0.4", body: "up 1\n" });
  server = createMetricsServer({ enabled, host: "127.0.0.1", port: 0, scrape, clock: fakeClock(), log: quiet });
  return server;
}

test("metrics are served on their own port, and nothing else is", async () => {
  const { url } = await started(true);
  const response = await fetch(url!);
  expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
    200,
    "text/plain; version=0.0.4",
    "up 1\n",
  ]);
  for (const path of ["/", "/readyz", "/metrics/x"]) expect((await fetch(new URL(path, url))).status).toBe(404);
  expect((await fetch(url!, { method: "POST" })).status).toBe(405);
});

test("metrics that are switched off open no port", async () => {
  expect((await started(false)).url).toBeUndefined();
});

async function started(enabled: boolean): Promise<MetricsServer> {
  const made = make(enabled);
  await made.start();
  return made;
}
