import { afterEach, beforeEach, describe, expect, test } from "vitest";
import simulation, { createTelegramSimulator, type TelegramSimulator } from "../../../adapters/telegram/simulator.ts";

const { token } = simulation.config("") as { token: string };
let platform: TelegramSimulator;

beforeEach(async () => {
  platform = createTelegramSimulator({ config: { token }, daemonUrl: "", retries: 50 });
  await platform.start();
});

afterEach(async () => {
  await platform.stop();
});

async function call(
  path: string,
  init?: RequestInit,
): Promise<{ status: number; retryAfter: string | null; answer: Record<string, unknown> }> {
  const response = await fetch(`${platform.apiBase}${path}`, init);
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    answer: (await response.json()) as Record<string, unknown>,
  };
}

const api = (method: string, parameters: object = {}) =>
  call(`/bot${token}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(parameters),
  });

describe("a call", () => {
  test("is understood in each encoding, its method in any case", async () => {
    const form = new FormData();
    form.set("chat_id", "7");
    form.set("text", "multipart");
    form.set("reply_parameters", '{"message_id":3}');
    await call(`/bot${token}/SENDMESSAGE?chat_id=7&text=query`);
    await call(`/bot${token}/sendMessage`, { method: "POST", body: new URLSearchParams({ chat_id: "7", text: "form" }) });
    await call(`/bot${token}/sendmessage`, { method: "POST", body: form });
    await api("sendMessage", { chat_id: 7, text: "json" });
    expect(platform.sent.map(({ text }) => text)).toEqual(["query", "form", "multipart", "json"]);
    expect(platform.sent[2]!.raw).toMatchObject({ reply_parameters: { message_id: 3 } });
  });

  test.each([
    ["/other", 404, "Not Found"],
    [`/bot${token}/nonsense`, 404, "Not Found: method not found"],
    ["/bot1:wrong/getMe", 401, "Unauthorized"],
    [`/bot${token}/sendMessage?text=hi`, 400, "Bad Request: chat_id is empty"],
    [`/bot${token}/sendMessage?chat_id=7&text=%20`, 400, "Bad Request: message text is empty"],
    [`/bot${token}/sendMessage?chat_id=7&text=${"x".repeat(4097)}`, 400, "Bad Request: message is too long"],
    [`/bot${token}/sendPhoto?chat_id=7&photo=f&caption=${"x".repeat(1025)}`, 400, "Bad Request: message caption is too long"],
    [`/bot${token}/editMessageText?chat_id=7&message_id=1&text=x`, 400, "Bad Request: message to edit not found"],
    [`/bot${token}/setWebhook?url=ftp://x`, 400, "Bad Request: bad webhook: HTTPS URL must be provided"],
  ])("%s is refused as the platform does", async (path, status, description) => {
    expect(await call(path)).toMatchObject({ status, answer: { ok: false, error_code: status, description } });
  });

  test("beyond the limit gets retry_after in the body and as a header", async () => {
    platform.fault({ kind: "rate-limit", ms: 7000, times: 1 });
    expect(await api("sendMessage", { chat_id: 7, text: "hi" })).toMatchObject({
      status: 429,
      retryAfter: "7",
      answer: { description: "Too Many Requests: retry after 7", parameters: { retry_after: 7 } },
    });
  });
});

test("a file that was uploaded can be had again, if it is not too big", async () => {
  const upload = async (size: number) => {
    const form = new FormData();
    form.set("chat_id", "7");
    form.set("document", new Blob([Buffer.alloc(size, 1)]), "a.bin");
    const { answer } = await call(`/bot${token}/sendDocument`, { method: "POST", body: form });
    return (answer.result as { document: { file_id: string } }).document.file_id;
  };
  const { answer } = await api("getFile", { file_id: await upload(10) });
  const { file_path, file_size } = answer.result as { file_path: string; file_size: number };
  expect(file_size).toBe(10);
  expect(Buffer.from(await (await fetch(`${platform.apiBase}/file/bot${token}/${file_path}`)).arrayBuffer())).toEqual(Buffer.alloc(10, 1));
  expect((await api("getFile", { file_id: await upload(20_000_001) })).answer.description).toBe("Bad Request: file is too big");
});

describe("updates", () => {
  const ids = async (parameters: object = {}) =>
    ((await api("getUpdates", parameters)).answer.result as { update_id: number }[]).map(({ update_id }) => update_id);

  test("are confirmed by the offset alone, limited, and from the end with a negative one", async () => {
    for (let n = 0; n < 5; n++) void platform.say({ from: "7", text: `message ${n}` });
    const all = await ids();
    expect(all).toHaveLength(5);
    expect(await ids({ limit: 2 })).toEqual(all.slice(0, 2));
    expect(await ids({ offset: all[1]! })).toEqual(all.slice(1));
    expect(await ids({ offset: -2 })).toEqual(all.slice(3));
    expect(platform.waiting).toBe(2);
  });

  test("of kinds that were not asked for do not come, and what was asked for is remembered", async () => {
    await ids({ allowed_updates: ["message"] });
    await ids();
    const chat = { id: 7, type: "private" as const };
    const from = { id: 7, is_bot: false, first_name: "u" };
    await platform.happen({ my_chat_member: { chat, from, date: 1 } });
    expect(await ids()).toEqual([]);
    void platform.say({ from: "7", text: "hi" });
    expect(await ids()).toHaveLength(1);
  });

  test("are not polled while a webhook is set, whose coming ends the poll that waits", async () => {
    const waiting = api("getUpdates", { timeout: 20 });
    while (!platform.calls.getUpdates) await fetch(`${platform.apiBase}/other`).then((response) => response.text());
    await api("setWebhook", { url: "https://bot.example.com/x" });
    expect((await waiting).answer).toMatchObject({ error_code: 409, description: "Conflict: terminated by setWebhook request" });
    expect((await api("getUpdates")).answer.description).toContain("webhook is active");
    await api("deleteWebhook");
    expect(await ids()).toEqual([]);
  });
});
