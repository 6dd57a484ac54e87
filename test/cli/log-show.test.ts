import { describe, expect, test } from "vitest";
import { everyOf } from "../../src/cli/log-show.ts";

const LINES = [
  "2026-03-02 09:15:01.123 ERROR channel.dingtalk signature rejected code=310000 trace=7f3a skew=+1843s",
  "2026-03-02 09:15:01.124 WARN pipeline reply not delivered channel=dingtalk code=unreachable",
  "2026-03-02 09:15:01.125 INFO channel.dingtalkish started",
  "2026-03-02 09:15:01.126 INFO skill.echo ran trace=7f3a",
];

const found = (options: Parameters<typeof everyOf>[0]) => LINES.flatMap((line, index) => (everyOf(options)!.test(line) ? [index] : []));

describe("which lines are asked for", () => {
  test("a channel's own lines and those that name it, not those of a channel with a longer name", () => {
    expect(found({ channel: "dingtalk" })).toEqual([0, 1]);
  });

  test("a skill's", () => {
    expect(found({ skill: "echo" })).toEqual([3]);
  });

  test("an expression and a channel together must both match", () => {
    expect(found({ grep: "signature|started", channel: "dingtalk" })).toEqual([0]);
    expect(found({ grep: "^2026.*5 INFO" })).toEqual([2]);
  });

  test("a name is no expression", () => {
    expect(found({ channel: "ding.*" })).toEqual([]);
  });

  test("nothing asked is no expression; a broken one is refused", () => {
    expect(everyOf({})).toBeUndefined();
    expect(() => everyOf({ grep: "(" })).toThrow(expect.objectContaining({ code: "CLAWDBOT_ERR_INVALID" }));
  });
});
