import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { until } from "../../src/testing/until.ts";
import { ECHO } from "../skills/bench.ts";
import { spawnCli } from "./run-cli.ts";
import { type RunningDaemon, startDaemon } from "./running-daemon.ts";

let daemon: RunningDaemon;

beforeAll(async () => {
  const config = { server: { port: 0 }, metrics: { port: 0 }, websocket: { enabled: true } };
  daemon = await startDaemon({ "config/gateway.yaml": stringify(config) });
});
afterAll(async () => {
  await daemon.run("stop");
  await daemon.remove();
});

const json = async (...args: string[]) => JSON.parse((await daemon.run(...args, "--json")).stdout);
const said = async (text: string, answer: string) => (await daemon.shell(["chat", "--script"], { input: `${text}\n${answer}\n` })).code;

test("load says what runs where, in how long; the skill answers at once", async () => {
  const { code, stdout, stderr } = await daemon.run("skill", "load", ECHO);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(
    /^loaded echo 1\.0 \(python 3\.\d+, cage: (bwrap|weak \(.+\))\) in \d+ ms\nit takes the place of the built-in echo\n$/,
  );
  expect(await said("hi", "hi")).toBe(0);
});

test("list and info show the skill, its runtime, its cage and its state", async () => {
  const { stdout } = await daemon.run("skill", "list");
  expect(stdout).toMatch(/^NAME +VERSION +RUNTIME +STATE +CAGE +DESCRIPTION\necho +1\.0 +python 3\.\d+ +on +\S/);
  expect(stdout).toMatch(/^help +\S+ +built-in +on +- /m);
  expect(await json("skill", "list")).toEqual(
    expect.arrayContaining([expect.objectContaining({ name: "echo", origin: ECHO, replaces: true })]),
  );
  expect((await daemon.run("skill", "info", "echo")).stdout).toMatch(/^origin +.*echo\.py$/m);
  expect((await daemon.run("skill", "info", "nonsense")).code).toBe(3);
});

test("unload brings the built-in one back and says so", async () => {
  const { code, stdout } = await daemon.run("skill", "unload", "echo");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "unloaded echo; the built-in echo 1.0.0 is back\n" });
  expect((await daemon.run("skill", "unload", "echo")).code).toBe(2);
});

test("disable persists, can be said twice, and an unknown name ends with 3", async () => {
  expect(await daemon.run("skill", "disable", "system.shell")).toMatchObject({ code: 0, stdout: "system.shell was disabled already\n" });
  expect(await json("skill", "disable", "echo")).toMatchObject({ changed: true, skill: { name: "echo", state: "disabled" } });
  expect(await daemon.run("skill", "disable", "echo")).toMatchObject({ code: 0, stdout: "echo was disabled already\n" });
  expect(await daemon.run("skill", "enable", "echo")).toMatchObject({ code: 0, stdout: "echo enabled\n" });
  expect((await daemon.run("skill", "disable", "nonsense")).code).toBe(3);
});

test("there is no remote registry: exit code 4, and what to do instead", async () => {
  expect(await daemon.run("skill", "list", "--remote")).toMatchObject({ code: 4, stderr: expect.stringContaining("skill load") });
});

describe.each(["py", "ts"])("a new %s skill", (lang) => {
  test("is written, passes its check, is loaded and answers", async () => {
    const name = `my-${lang}`;
    expect((await daemon.shell(["skill", "new", name, "--lang", lang])).code).toBe(0);
    expect((await daemon.shell(["skill", "new", name, "--lang", lang])).code).toBe(6);
    const check = await daemon.shell(["skill", "check", `./${name}`]);
    expect(check).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`✓ skill +${name} 0\\.1\\.0`)) });
    expect((await daemon.shell(["skill", "load", name])).code).toBe(0);
    expect(await said(`/${name} abc`, "cba")).toBe(0);
    expect((await daemon.run("skill", "check", name)).code).toBe(0);
  });
});

test("check reads Python without running it and names what is missing", async () => {
  const path = join(daemon.dir, "needy.py");
  await writeFile(
    path,
    `import aiohttp_that_is_not_there\nfrom clawdbot.skill import BaseSkill\nopen("/tmp/ran", "w")\nclass AISkill(BaseSkill):\n  async def predict(self, text): pass\n`,
  );
  const { code, stdout } = await daemon.run("skill", "check", path);
  expect(code).toBe(1);
  expect(stdout).toMatch(/✗ skill +no class based on BaseSkill with handle_message/);
  expect(stdout).toMatch(/✗ imports +missing: aiohttp_that_is_not_there/);
});

test("load of what is no skill fails with its reason and code", async () => {
  expect((await daemon.run("skill", "load", "/nowhere.py")).code).toBe(3);
  const folder = join(daemon.dir, "greedy");
  await mkdir(folder);
  await writeFile(join(folder, "skill.yaml"), "id: greedy\ncapabilities: [net, secrets]\n");
  await writeFile(join(folder, "index.js"), "export default { handleMessage() {} }");
  expect(await daemon.run("skill", "load", folder)).toMatchObject({ code: 5, stderr: expect.stringContaining("net: not granted") });
  const { stdout } = await daemon.run("skill", "check", folder);
  expect(stdout).toMatch(/✗ permissions +not granted: net, secrets/);
});

test("load --watch loads again when the file changes, and keeps the version before when it is broken", async () => {
  const path = join(daemon.dir, "live.mjs");
  const text = (answer: string) =>
    `export default { name: "live", version: "1", description: "d", triggers: [], handleMessage: () => "${answer}" }`;
  await writeFile(path, text("one"));
  const child = spawnCli(["skill", "load", path, "--watch"], { cwd: daemon.dir });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part: string) => (printed += part));
  try {
    await until("the watch", () => printed.includes("watching"));
    await writeFile(path, text("two"));
    await until("the second load", () => printed.match(/^loaded live/gm)?.length === 2);
    expect(await said("/live", "two")).toBe(0);
    await writeFile(path, "export default {");
    await until("the refusal", () => printed.includes("not loaded, the version before stays"));
    expect(await said("/live", "two")).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
  expect(existsSync("/tmp/ran")).toBe(false);
});

test("a daemon that is killed takes the processes of its skills with it, whatever they are doing", async () => {
  const path = join(daemon.dir, "busy.mjs");
  await writeFile(
    path,
    `export default { name: "busy", version: "1", description: "d", handleMessage() {} }; setImmediate(() => setImmediate(() => { for (;;); }));`,
  );
  expect((await daemon.run("skill", "load", path)).code).toBe(0);
  const stages = readdirSync(join(daemon.dir, "data/skills/running"));
  expect(stages.length).toBeGreaterThan(0);
  const alive = () => commandLines().filter((line) => stages.some((stage) => line.includes(stage)));
  expect(alive().length).toBeGreaterThanOrEqual(stages.length);
  daemon.child.kill("SIGKILL");
  await until("their end", () => alive().length === 0);
  // The next start would have done so.
  for (const stage of stages) await rm(join(tmpdir(), stage), { recursive: true });
});

function commandLines(): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return "";
    }
  });
}
