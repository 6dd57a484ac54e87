import { afterEach, describe, expect, test } from "vitest";
import { RejectedError, UnreachableError } from "../../../src/errors.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, createHost, failure, type Pair, replyOf, sectionOf, startPair } from "./host.ts";

let pair: Pair;
let clock: FakeClock;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<Pair> {
  clock = fakeClock();
  pair = await startPair({ clock, ...options, section: { mode: "callback", ...options.section } });
  return pair;
}

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const send = (...about: Parameters<typeof replyOf>) => pair.host.adapter.send(replyOf(...about), attempt());
const fail = (...about: Parameters<typeof replyOf>) => failure(pair.host, replyOf(...about));

describe("a group robot that only sends", () => {
  const webhooks = { alerts: { access_token: "token-of-alerts", secret: "SECa1b2c3d4e5f6" }, plain: { access_token: "token-of-plain" } };
  const alerts = { group: "webhook:alerts" };

  test("signs its calls, and needs no app", async () => {
    const { host, platform } = await setup({ section: { webhooks } });
    await host.stop();
    const { api_base, oapi_base } = sectionOf(pair);
    pair = { platform, host: await createHost({ api_base, oapi_base, webhooks }, { clock }) };
    await pair.host.adapter.start();
    expect(pair.host.reports).toMatchObject([{ receiving: true }]);
    expect(await send("down!", alerts)).toEqual({ detail: "webhook" });
    expect(await send("up again", { group: "webhook:plain" })).toEqual({ detail: "webhook" });
    expect(platform.sent).toMatchObject([
      { conversation: "webhook:alerts", text: "down!" },
      { conversation: "webhook:plain", text: "up again" },
    ]);
    expect(await fail("hi", "u1")).toBeInstanceOf(RejectedError);
    expect(await fail("hi", { group: "webhook:nobody" })).toBeInstanceOf(RejectedError);
    expect(await fail("hi", { group: "webhook:constructor" })).toBeInstanceOf(RejectedError);
  });

  test("with a wrong secret, token or clock is the operator's to set right", async () => {
    await setup({ section: { webhooks } });
    const { platform } = pair;
    const bases = sectionOf(pair);
    const wrong = { alerts: { access_token: "token-of-alerts", secret: "SEC000000" }, plain: { access_token: "other-token" } };
    const late = fakeClock(clock.now() - 2 * 3_600_000);
    const [first, second] = [
      await createHost({ ...bases, webhooks: wrong }, { clock }),
      await createHost({ ...bases, webhooks }, { clock: late }),
    ];
    const why = async (host: typeof first, group: string) => {
      const error = await failure(host, replyOf("hi", { group }));
      expect(error).toBeInstanceOf(UnreachableError);
      return (error as Error).message;
    };
    expect(await why(first, "webhook:alerts")).toContain("check this robot's secret");
    expect(await why(first, "webhook:plain")).toContain("access_token");
    expect(await why(second, "webhook:alerts")).toContain("check this machine's clock");
    expect(platform.sent).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });

  test("never says more than twenty things a minute, so that the platform does not silence it for ten", async () => {
    const { platform } = await setup({ section: { webhooks }, rateLimits: true });
    for (let n = 0; n < 20; n++) {
      await send(`alert ${n}`, alerts);
      await clock.advance(100);
    }
    expect(await fail("one more", alerts)).toMatchObject({ retryAfterMs: 58_000 });
    expect(platform.calls["/robot/send"]).toBe(20);
    await send("another robot", { group: "webhook:plain" });
    await clock.advance(58_000);
    await send("one more", alerts);
  });

  test("that was silenced all the same is not tried again before its time", async () => {
    const { platform } = await setup({ section: { webhooks } });
    platform.fault({ kind: "error", code: 130_101, times: 1 });
    expect(await fail("hi", alerts)).toMatchObject({ retryAfterMs: 600_000 });
    await clock.advance(599_000);
    expect(await fail("hi", alerts)).toMatchObject({ retryAfterMs: 1000 });
    expect(platform.calls["/robot/send"]).toBe(1);
    await clock.advance(1000);
    await send("hi", alerts);
  });
});
