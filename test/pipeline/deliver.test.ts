import { describe, expect, test } from "vitest";
import { RateLimitError, RejectedError, UnreachableError } from "../../src/errors.ts";
import { until } from "../../src/testing/until.ts";
import { say, setup, texts, traced } from "./harness.ts";

describe("delivery", () => {
  test("a platform out of reach uses up no attempt, and the reply goes out when it is back", async () => {
    const on = await setup();
    let away = true;
    on.platform.send = () => {
      if (away) throw new UnreachableError("connect ECONNREFUSED");
      return {};
    };
    await say(on, "/echo patient");
    await until("a first try", () => on.calls.length === 1);
    await until("twenty tries", async () => {
      await on.clock.advance(5000);
      return on.calls.length > 20;
    });
    away = false;
    await until("the last try", async () => {
      await on.clock.advance(5000);
      return (await on.storage.counts()).outbox === 0;
    });
    const trace = await traced(on, ({ replies }) => replies[0]?.state === "sent");
    expect(trace.replies[0]?.attempts).toBe(1);
    expect(on.calls.at(-1)?.attempt).toMatchObject({ number: 1, maybeSent: false });
  });

  test("a reply older than its time to live becomes a dead letter and frees the next one", async () => {
    const on = await setup({ limits: { reply_ttl: 60_000 } });
    on.platform.send = (reply) => {
      if (reply.text === "stuck") throw new UnreachableError("connect ECONNREFUSED");
      return {};
    };
    await say(on, "/echo stuck");
    await say(on, "/echo next");
    await until("the second reply", async () => {
      await on.clock.advance(5000);
      return texts(on).includes("next");
    });
    expect(await on.storage.deadLetters({ limit: 10 })).toMatchObject([{ kind: "reply", reason: "expired" }]);
  });

  test("an adapter's odd answer does not have the reply sent again", async () => {
    const on = await setup();
    on.platform.send = () => ({ platformId: 12345678901234567890n as never, extra: 1n }) as never;
    await say(on, "/echo once");
    const trace = await traced(on, ({ replies }) => replies[0]?.state === "sent");
    expect(trace.replies[0]?.platformId).toBe("12345678901234567890");
    expect(on.calls).toHaveLength(1);
  });

  test("what the platform will never take becomes a dead letter at once", async () => {
    const on = await setup();
    on.platform.send = () => {
      throw new RejectedError("user is not visible to the app", 81013);
    };
    await say(on, "/echo hi");
    const trace = await traced(on, ({ replies }) => replies[0]?.state === "dead");
    expect(trace.replies[0]).toMatchObject({ reason: "rejected", attempts: 1 });
    expect(on.calls.length).toBe(1);
  });

  test("an unknown outcome is tried again and says so to the adapter, until max_attempts", async () => {
    const on = await setup();
    on.platform.send = () => {
      throw new Error("socket hang up");
    };
    await say(on, "/echo hi");
    await until("five tries", async () => {
      await on.clock.advance(1000);
      return on.calls.length === 5;
    });
    await traced(on, ({ replies }) => replies[0]?.state === "dead");
    expect(on.calls.map(({ attempt }) => [attempt.number, attempt.maybeSent])).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, true],
      [5, true],
    ]);
  });

  test("a reply that waits over a restart is sent afterwards, marked as perhaps sent", async () => {
    const on = await setup();
    on.platform.send = () => {
      throw new RateLimitError(60_000);
    };
    await say(on, "/echo later");
    await until("the refusal", () => on.calls.length === 1);
    await on.restart();
    on.platform.send = () => ({});
    await on.clock.advance(60_000);
    await until("the second try", () => on.calls.length === 2);
    expect(on.calls[1]?.attempt.maybeSent).toBe(true);
  });
});
