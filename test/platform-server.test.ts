import { afterEach, expect, test } from "vitest";
import { PlatformServer } from "../src/platform-server.ts";

const server = new PlatformServer({
  listen: { host: "127.0.0.1", port: 0 },
  answer: (_request, response) => void response.end(server.takeFault((kind) => kind !== "slow")?.kind ?? "well"),
});
const ask = async () => await (await fetch(server.base)).text();

afterEach(async () => {
  server.fault(null);
  await server.stop();
});

test("a fault touches as many calls as it says, and only those that it can", async () => {
  await server.start();
  server.fault({ kind: "error", times: 2 });
  expect([await ask(), await ask(), await ask()]).toEqual(["error", "error", "well"]);
  server.fault({ kind: "slow" });
  expect(await ask()).toBe("well");
});

test("one that refuses is away, and comes back at the same address", async () => {
  await server.start();
  const { base } = server;
  server.fault({ kind: "refuse" });
  await expect(ask()).rejects.toThrow("fetch failed");
  server.fault(null);
  await expect.poll(ask).toBe("well");
  expect(server.base).toBe(base);
});

test("starts again after a stop, and a stop breaks what is open", async () => {
  await server.start();
  await server.start();
  expect(await ask()).toBe("well");
  await server.stop();
  await expect(ask()).rejects.toThrow("fetch failed");
  await server.start();
  expect(await ask()).toBe("well");
});
