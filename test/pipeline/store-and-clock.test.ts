import { describe, expect, test } from "vitest";
import { OverloadedError, StorageError, UnreachableError } from "../../src/errors.ts";
import type { Message } from "../../src/message.ts";
import { defineSkill } from "../../src/skill.ts";
import { until } from "../../src/testing/until.ts";
import { echo, room, say, setup, texts, traced } from "./harness.ts";

describe("a wall clock that jumps", () => {
  test.each([-2, 2])("by %i hours delays no retry, of a message or a reply, also over a restart", async (hours) => {
    let broken = true;
    const moody = defineSkill({
      name: "moody",
      version: "1",
      description: "",
      triggers: [],
      handleMessage(message) {
        if (broken) throw new Error("not now");
        return message.text;
      },
    });
    const on = await setup({ skills: [moody, echo] });
    on.platform.send = () => {
      if (broken) throw new UnreachableError("away");
      return {};
    };
    await say(on, "/moody message", room("a"));
    await say(on, "/echo reply", room("b"));
    await until("both failures", () => on.lines.filter((line) => line.includes("will try again")).length === 2);
    on.clock.jump(hours * 3_600_000);
    broken = false;
    if (hours < 0) await on.restart();
    await on.clock.advance(6000);
    await until("both replies", () => texts(on).includes("message") && texts(on).filter((text) => text === "reply").length === 2);
  });
});

describe("a store that fails", () => {
  test("under a skill has the message handled when it is back, without using up its sender's rate limit", async () => {
    let down = true;
    let runs = 0;
    const noting = defineSkill({
      name: "note",
      version: "1",
      description: "",
      triggers: [],
      handleMessage() {
        runs++;
        if (down) throw new StorageError("disk full", { full: true });
        return "noted";
      },
    });
    const on = await setup({ skills: [noting], permissions: "skills:\n  note:\n    rate_limit: 2/60s\n" });
    await say(on, "/note");
    await until("several runs", async () => {
      await on.clock.advance(500);
      return runs > 3;
    });
    down = false;
    await until("the answer", async () => {
      await on.clock.advance(500);
      return on.calls.length === 1;
    });
    expect(texts(on)).toEqual(["noted"]);
    expect(await traced(on, ({ state }) => state === "done")).toMatchObject({ outcome: "replied", attempts: 1 });
  });

  test("what a dying store kept without saying so is counted, once", async () => {
    let dying = true;
    const ends: (() => void)[] = [];
    const slow = defineSkill({
      name: "slow",
      version: "1",
      description: "",
      triggers: [],
      handleMessage: () => new Promise((resolve) => ends.push(() => resolve("done"))),
    });
    const on = await setup({
      skills: [slow],
      limits: { max_queue_size: 1 },
      wrap: (storage) =>
        new Proxy(storage, {
          get(target, key, receiver) {
            if (key !== "accept" || !dying) return Reflect.get(target, key, receiver);
            return async (message: Message) => {
              await target.accept(message);
              throw new StorageError("the storage thread died");
            };
          },
        }),
    });
    await expect(say(on, "/slow")).rejects.toBeInstanceOf(StorageError);
    dying = false;
    await on.clock.advance(5000);
    await until("the message to run", () => ends.length === 1);
    await expect(say(on, "/slow")).rejects.toBeInstanceOf(OverloadedError);
    ends[0]?.();
    await until("its end", async () => (await on.storage.counts()).inbox === 0);
    expect(await say(on, "/slow")).toBe("accepted");
    await expect(say(on, "/slow")).rejects.toBeInstanceOf(OverloadedError);
    await until("the second to run", () => ends.length === 2);
    ends[1]?.();
  });
});
