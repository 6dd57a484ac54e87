import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../src/testing/until.ts";
import { ECHO } from "./bench.ts";
import { type Daemon, skillText, startDaemon } from "./daemon.ts";

let daemon: Daemon;
beforeEach(async () => {
  daemon = await startDaemon();
});
afterEach(() => daemon.stop());

/** What the default skill answers to what no other skill took. */
const HELP = /^You may use here/;
const registry = () => daemon.gateway.gateway.skills;
const status = (name: string) =>
  registry()
    .list()
    .find((one) => one.name === name);

test("the echo skill of the articles is loaded while the daemon runs, takes the place of the built-in one, and gives it back", async () => {
  expect(await daemon.say("hi")).toMatch(HELP);
  const report = await registry().load(ECHO);
  expect(report).toMatchObject({ skill: { name: "echo", version: "1.0", replaces: true, state: "on" }, replaced: "1.0.0" });
  expect(await daemon.say("hi")).toBe("hi");
  expect(await daemon.say("/echo hi there")).toBe("hi there");
  expect(await registry().unload("echo")).toMatchObject({ name: "echo", runtime: "built-in", state: "on" });
  expect(await daemon.say("hi")).toMatch(HELP);
  expect(await daemon.say("/echo hi")).toBe("hi");
});

test("a TypeScript skill is loaded as it is, types and all, and help lists it", async () => {
  const path = await daemon.write(
    "shout.ts",
    `import { BaseSkill, type Message } from "clawdbot";
class Shout extends BaseSkill {
  constructor() { super({ name: "shout", version: "2.1.0", description: { zh: "大声", en: "Louder" }, aliases: ["yell"], triggers: [{ prefix: "psst" }] }); }
  handleMessage(message: Message): string { return message.text.toUpperCase(); }
}
export default new Shout();`,
  );
  await registry().load(path);
  expect(await daemon.say("/yell hi")).toBe("HI");
  expect(await daemon.say("psst you")).toBe("PSST YOU");
  expect(await daemon.say("/help")).toContain("/shout  Louder");
});

test("a folder with a manifest: what it says beats what the code says", async () => {
  const folder = join(daemon.dir, "weather");
  await mkdir(folder);
  await writeFile(join(folder, "skill.yaml"), "id: forecast\nname: Weather\nversion: 3\ntriggers: [{ keyword: rain }]\n");
  await writeFile(join(folder, "lines.mjs"), `export const line = "sun";`);
  await writeFile(join(folder, "index.ts"), `import { line } from "./lines.mjs";\n${skillText("weather", "line")}`);
  expect(await registry().load(folder)).toMatchObject({ skill: { name: "forecast", version: "3" } });
  expect(await daemon.say("will it rain?")).toBe("sun");
});

test("keys belong to a skill: they outlive it, and no other skill has them", async () => {
  const count = `String(await context.kv.set("n", ((await context.kv.get("n"))?.value ?? 0) + 1) && (await context.kv.get("n")).value)`;
  const one = await daemon.write("one.mjs", skillText("one", count));
  await registry().load(one);
  await registry().load(await daemon.write("two.mjs", skillText("two", count)));
  expect(await daemon.say("/one")).toBe("1");
  expect(await daemon.say("/one")).toBe("2");
  expect(await daemon.say("/two")).toBe("1");
  await registry().unload("one");
  await registry().load(one);
  expect(await daemon.say("/one")).toBe("3");
});

describe("what cannot be loaded is refused, names its reason and leaves nothing", () => {
  test.each([
    ["a capability", { "skill.yaml": "id: a\ncapabilities: [net]", "index.mjs": skillText("a", "1") }, "net: not granted"],
    ["an alias of another skill", { "skill.yaml": "aliases: [help]", "index.mjs": skillText("a", "1") }, "help is a name or alias"],
    ["a name that cannot be typed", { "index.mjs": `export default { name: "A B", handleMessage() {} }` }, "name"],
    ["a pattern that is none", { "skill.yaml": 'triggers: [{ pattern: "(" }]', "index.mjs": skillText("a", "1") }, "pattern ("],
    ["no default export", { "index.mjs": "export const a = 1" }, "the default export is no skill"],
    ["no code", { "readme.txt": "hi" }, "holds neither index.ts nor skill.py"],
    ["a manifest that is no YAML", { "skill.yaml": "a: [", "index.mjs": "" }, "skill.yaml"],
    ["an exit while loading", { "index.mjs": "process.exit(3)" }, "ended with 3"],
  ])("%s", async (_what, files, why) => {
    const folder = join(daemon.dir, "a");
    await mkdir(folder);
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
    const before = registry().list();
    await expect(registry().load(folder)).rejects.toThrow(why);
    expect(registry().list()).toEqual(before);
    expect((await readdir(join(daemon.gateway.dir, "data/skills")).catch(() => [])).filter((name) => name !== "running")).toEqual([]);
  });

  test("a link, which could lead anywhere", async () => {
    const folder = join(daemon.dir, "a");
    await mkdir(folder);
    await writeFile(join(folder, "index.mjs"), skillText("a", "1"));
    await symlink("/etc/passwd", join(folder, "passwd"));
    await expect(registry().load(folder)).rejects.toThrow("symbolic link");
  });

  test("nothing there", async () => {
    await expect(registry().load("/nowhere/skill.py")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_NOT_FOUND" });
  });
});

describe("after a restart", () => {
  test("what was loaded is there, from its copy, also when the original is gone", async () => {
    const path = await daemon.write("own.mjs", skillText("own", `"one"`));
    await registry().load(path);
    await rm(path);
    await daemon.restart();
    expect(await daemon.say("/own")).toBe("one");
    await registry().unload("own");
    await daemon.restart();
    expect(status("own")).toBeUndefined();
  });

  test("what was disabled is silent, built in or loaded, until it is enabled", async () => {
    await registry().load(await daemon.write("own.mjs", skillText("own", `"one"`)));
    expect(await registry().setEnabled("own", false)).toMatchObject({ changed: true });
    expect(await registry().setEnabled("own", false)).toMatchObject({ changed: false });
    await registry().setEnabled("echo", false);
    await daemon.restart();
    expect([status("own")?.state, status("echo")?.state]).toEqual(["disabled", "disabled"]);
    expect(await daemon.say("/own")).toMatch(HELP);
    expect(await daemon.say("/echo hi")).not.toMatch(/echo|own/);
    await registry().setEnabled("own", true);
    expect(await daemon.say("/own")).toBe("one");
  });

  test("one that does not start is named in the status and in the log, and the daemon runs", async () => {
    await registry().load(await daemon.write("own.mjs", skillText("own", `"one"`)));
    const copies = join(daemon.gateway.dir, "data/skills");
    for (const name of await readdir(copies)) await rm(join(copies, name, "own.mjs"), { force: true });
    await daemon.restart();
    expect(await daemon.say("/echo hi")).toBe("hi");
    await until("the failure", () => status("own")?.state === "failed");
    expect(status("own")?.detail).toContain("own.mjs");
    expect(daemon.gateway.lines.some((line) => line.includes("skill does not start"))).toBe(true);
  });

  test("no folder and no process of the daemon before is left", async () => {
    await registry().load(await daemon.write("own.mjs", skillText("own", `"one"`)));
    const running = await readdir(join(daemon.gateway.dir, "data/skills/running"));
    expect(running).toHaveLength(1);
    await daemon.restart();
    expect(existsSync(join(tmpdir(), running[0]!))).toBe(false);
  });
});

test("a skill that was taken out in the middle of an endless call does not outlive the daemon", async () => {
  await registry().load(
    await daemon.write("endless.mjs", skillText("endless", "{ context.log.info('begun'); return new Promise(() => {}); }")),
  );
  daemon.say("/endless").catch(() => {});
  await until("the call", () => daemon.gateway.lines.some((line) => line.includes("begun")));
  const [stage] = await readdir(join(daemon.gateway.dir, "data/skills/running"));
  await registry().unload("endless");
  await daemon.gateway.stop();
  expect(existsSync(join(tmpdir(), stage!))).toBe(false);
  expect(await processesWith(stage!)).toEqual([]);
});

test("system.shell is there, disabled, and disabling it again is no mistake; an unknown skill is", async () => {
  expect(status("system.shell")).toMatchObject({ state: "disabled", runtime: "built-in" });
  expect(await registry().setEnabled("system.shell", false)).toMatchObject({ changed: false });
  await expect(registry().setEnabled("nonsense", false)).rejects.toMatchObject({ code: "CLAWDBOT_ERR_NOT_FOUND" });
  await expect(registry().unload("nonsense")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_NOT_FOUND" });
  await expect(registry().unload("help")).rejects.toThrow("built in");
});

test("system.shell, once enabled, is still for nobody whom permissions.yaml does not name", async () => {
  await registry().setEnabled("system.shell", true);
  const answer = await daemon.say("/system.shell id");
  expect(answer).toMatch(/permissions\.yaml/);
});

test("each change is in the audit", async () => {
  await registry().load(await daemon.write("own.mjs", skillText("own", `"one"`)));
  await registry().setEnabled("own", false);
  await registry().setEnabled("own", true);
  await registry().unload("own");
  const entries = await until("four entries", async () => {
    const found = await daemon.gateway.gateway.storage.auditEntries({ limit: 10 });
    return found.length >= 4 ? found : undefined;
  });
  expect(entries.map(({ action, target }) => `${action} ${target}`).toSorted()).toEqual([
    "skill.disable own",
    "skill.enable own",
    "skill.load own",
    "skill.unload own",
  ]);
});

test("what a skill asks for and is not granted is in the audit under its name", async () => {
  const text = `from clawdbot.skill import BaseSkill
class Greedy(BaseSkill):
  name = "greedy"
  triggers = []
  async def handle_message(self, msg, context):
    return await context.kv._ask("secrets.get")`;
  await registry().load(await daemon.write("any.py", text));
  await daemon.say("/greedy");
  const denied = await until("the row", async () => {
    const entries = await daemon.gateway.gateway.storage.auditEntries({ limit: 10 });
    return entries.find(({ result }) => result === "denied");
  });
  expect(denied).toMatchObject({ actor: "skill:greedy", action: "skill.request", target: "greedy", reason: "secrets.get" });
});

/** The processes whose command line names it. */
async function processesWith(text: string): Promise<string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(text));
}
