import { describe, expect, test } from "vitest";
import { createRoute } from "../../src/pipeline/route.ts";
import { defineSkill, type Skill } from "../../src/skill.ts";
import { patternEngine } from "../../src/skills/pattern.ts";
import { textMessage } from "../../src/testing/messages.ts";

function skill(name: string, over: Partial<Skill> = {}): Skill {
  return defineSkill({ name, version: "1", description: name, handleMessage: () => null, ...over });
}

const skills = [
  skill("echo", { aliases: ["复读"], triggers: [] }),
  skill("help", { triggers: [] }),
  skill("deploy", { triggers: [{ prefix: "Deploy " }] }),
  skill("alarm", { triggers: [{ keyword: "磁盘" }, { pattern: "^disk \\d+%" }] }),
  skill("chat", { priority: 1 }),
  skill("faq", { priority: 5 }),
];
const route = createRoute(skills, { default: "help", pattern: patternEngine });
const asked = (message: ReturnType<typeof textMessage>) => [...route(message)].map(({ skill, by, text }) => `${by}:${skill.name}:${text}`);
const inGroup = (text: string, mentionsBot: boolean) => textMessage(text, { conversation: { id: "g", type: "group" }, mentionsBot });

describe("route", () => {
  test("a command names its skill alone, and the skill sees what follows the name", () => {
    expect(asked(textMessage("/echo  hi there "))).toEqual(["command:echo:hi there"]);
    expect(asked(textMessage("/ECHO hi"))).toEqual(["command:echo:hi"]);
    expect(asked(textMessage("/复读 你好"))).toEqual(["command:echo:你好"]);
    expect(asked(textMessage("/echo"))).toEqual(["command:echo:"]);
    expect(asked(textMessage("/echo\nline"))).toEqual(["command:echo:line"]);
  });

  test("in a group the name works without a slash after a mention, and with a slash always", () => {
    expect(asked(inGroup("echo hi", true))).toEqual(["command:echo:hi"]);
    expect(asked(inGroup("/echo hi", false))).toEqual(["command:echo:hi"]);
    expect(asked(inGroup("echo hi", false))).toEqual([]);
  });

  test("an unknown command is an ordinary text", () => {
    expect(asked(textMessage("/nothing here"))).toEqual([
      "asked:faq:/nothing here",
      "asked:chat:/nothing here",
      "default:help:/nothing here",
    ]);
  });

  test("triggers come before skills without triggers, those by priority, then the default", () => {
    expect(asked(textMessage("deploy web"))).toEqual([
      "trigger:deploy:deploy web",
      "asked:faq:deploy web",
      "asked:chat:deploy web",
      "default:help:deploy web",
    ]);
    expect(asked(textMessage("今天磁盘满了"))[0]).toBe("trigger:alarm:今天磁盘满了");
    expect(asked(textMessage("disk 93% full"))[0]).toBe("trigger:alarm:disk 93% full");
    expect(asked(textMessage("the disk 93%"))[0]).toBe("asked:faq:the disk 93%");
  });

  test("in a group only triggers see what is not addressed to the bot", () => {
    expect(asked(inGroup("磁盘", false))).toEqual(["trigger:alarm:磁盘"]);
    expect(asked(inGroup("hello", false))).toEqual([]);
  });

  test("a message without text is offered to skills without triggers and not to the default", () => {
    expect(asked(textMessage("", { contentType: "image" }))).toEqual(["asked:faq:", "asked:chat:"]);
  });

  test("a pattern that would stall a backtracking engine answers at once", () => {
    const evil = createRoute([skill("evil", { triggers: [{ pattern: "^(a+)+$" }] })], { pattern: patternEngine });
    expect([...evil(textMessage(`${"a".repeat(5000)}!`))]).toEqual([]);
  });
});
