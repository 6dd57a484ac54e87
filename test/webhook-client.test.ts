import { afterEach, beforeEach, expect, test } from "vitest";
import { PlatformServer } from "../src/platform-server.ts";
import { WebhookClient } from "../src/webhook-client.ts";

const client = new WebhookClient({ connections: 1, patienceMs: 100 });
let ports: (number | undefined)[] = [];

const server = new PlatformServer({
  listen: { host: "127.0.0.1", port: 0 },
  async answer(request, response) {
    ports.push(request.socket.remotePort);
    if (request.url === "/silent") return;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(202).end(`${request.method} ${request.headers["x-key"]} ${Buffer.concat(chunks)}`);
  },
});

beforeEach(async () => {
  ports = [];
  await server.start();
});

afterEach(async () => {
  client.stop();
  await server.stop();
});

test("posts over a kept connection and tells status and body, also after a stop", async () => {
  const post = () => client.post(`${server.base}/hook`, "你好", { "x-key": "k" });
  expect(await post()).toEqual({ status: 202, body: "POST k 你好" });
  await post();
  client.stop();
  expect(await post()).toMatchObject({ status: 202 });
  expect(new Set(ports).size).toBe(2);
});

test("tells why there was no answer", async () => {
  expect(await client.post(`${server.base}/silent`, "", {})).toEqual({ status: "timeout", body: "" });
  await server.stop();
  expect(await client.post(`${server.base}/hook`, "", {})).toEqual({ status: "ECONNREFUSED", body: "" });
});
