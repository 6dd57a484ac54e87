import { DWClient, type DWClientDownStream, TOPIC_ROBOT } from "dingtalk-stream";
import { afterEach, expect, test, vi } from "vitest";
import simulation, { createDingtalkSimulator, type DingtalkSimulator } from "../../../adapters/dingtalk/simulator.ts";
import { until } from "../../../src/testing/until.ts";

// The platform's own SDK, which nobody here wrote, against the simulator: what it understands is what DingTalk says.

/** Only the address of the platform is not configurable. */
class Client extends DWClient {
  readonly #base: string;

  constructor(base: string, clientSecret: string) {
    const { client_id } = simulation.config(base) as { client_id: string };
    super({ clientId: client_id, clientSecret, autoReconnect: false, subscriptions: [] } as ConstructorParameters<typeof DWClient>[0]);
    this.#base = base;
  }

  override async getEndpoint(): Promise<this> {
    const { clientId, clientSecret, subscriptions } = this.getConfig();
    const answer = await fetch(`${this.#base}/v1.0/gateway/connections/open`, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ clientId, clientSecret, ua: "", subscriptions }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const { endpoint, ticket } = (await answer.json()) as { endpoint: string; ticket: string };
    Reflect.set(this, "dw_url", `${endpoint}?ticket=${encodeURIComponent(ticket)}`);
    return this;
  }
}

let platform: DingtalkSimulator;
let client: Client | undefined;

async function connect(secret = "simulated-app-secret"): Promise<Client> {
  // The SDK prints.
  vi.spyOn(console, "info").mockImplementation(() => {});
  platform = createDingtalkSimulator({ config: simulation.config("http://127.0.0.1:1"), daemonUrl: "", retries: 3, retryDelayMs: 50 });
  await platform.start();
  client = new Client(platform.apiBase, secret);
  return client;
}

afterEach(async () => {
  client?.disconnect();
  await platform.stop();
  vi.restoreAllMocks();
});

test("the SDK connects, is given a message, answers it, and replies where the message says", async () => {
  const sdk = await connect();
  const seen: Record<string, unknown>[] = [];
  sdk.registerCallbackListener(TOPIC_ROBOT, async (frame: DWClientDownStream) => {
    const message = JSON.parse(frame.data) as { sessionWebhook: string; text: { content: string } };
    seen.push(message);
    sdk.socketCallBackResponse(frame.headers.messageId, "");
    const body = JSON.stringify({ msgtype: "text", text: { content: `heard ${message.text.content}` } });
    const answer = await fetch(message.sessionWebhook, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    expect(await answer.json()).toEqual({ errcode: 0, errmsg: "ok" });
  });
  await sdk.connect();
  expect(sdk.connected).toBe(true);
  expect(await platform.say({ from: "u1", text: "hi" })).toMatchObject({ acked: true, answers: [200] });
  expect(await platform.waitForSent(1)).toMatchObject([{ conversation: "u1", text: "heard hi" }]);
  expect(seen).toMatchObject([{ msgtype: "text", conversationType: "1", senderStaffId: "u1", robotCode: "dingsimulated0123" }]);
});

test("the SDK answers the platform's ping", async () => {
  await (await connect()).connect();
  expect(await platform.gateway.ping(5000)).toBe(true);
});

test("a message that the SDK leaves unanswered comes again in a new frame with the same msgId", async () => {
  const sdk = await connect();
  const frames: DWClientDownStream[] = [];
  sdk.registerCallbackListener(TOPIC_ROBOT, (frame: DWClientDownStream) => {
    frames.push(frame);
    if (frames.length === 2) sdk.socketCallBackResponse(frame.headers.messageId, "");
  });
  await sdk.connect();
  expect(await platform.say({ from: "u1", text: "hi" })).toMatchObject({ acked: true, answers: ["no answer", 200] });
  expect(new Set(frames.map(({ headers }) => headers.messageId)).size).toBe(2);
  expect(new Set(frames.map(({ data }) => (JSON.parse(data) as { msgId: string }).msgId)).size).toBe(1);
});

test("the SDK understands that its connection expires, and gets nothing on it any more", async () => {
  const sdk = await connect();
  await sdk.connect();
  platform.gateway.expire();
  await until("the SDK to see it", () => !sdk.connected);
  expect((await platform.say({ from: "u1", text: "hi" })).answers).toEqual(Array(4).fill("no connection"));
});

test("the SDK with a wrong secret is not let in", async () => {
  const sdk = await connect("another-secret");
  await sdk.connect();
  expect(sdk.connected).toBe(false);
  expect(platform.gateway.open).toBe(0);
});
