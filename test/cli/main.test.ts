import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCli, runHere } from "./run-cli.ts";

describe("what is asked wrongly ends with 2", () => {
  test("an unknown command, with the one that was probably meant", async () => {
    const { code, stdout, stderr } = await runCli(["strat"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("unknown command 'strat'");
    expect(stderr).toContain("Did you mean start?");
  });

  test("an unknown option, in JSON mode as one document on stdout", async () => {
    const { code, stdout, stderr } = await runHere(["status", "--probee", "live", "--json"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    const error = { code: "CLAWDBOT_ERR_INVALID", message: expect.stringContaining("--probe"), hint: "clawdbot --help" };
    expect(JSON.parse(stdout)).toEqual({ ok: false, error });
  });

  test("a group of commands alone: its help on stderr", async () => {
    const { code, stdout, stderr } = await runHere(["deadletter"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/replay.*purge/s);
  });

  test("said in Chinese to those who speak it", async () => {
    const { code, stderr } = await runCli(["strat"], { env: { CLAWDBOT_LANG: "zh" } });
    expect(code).toBe(2);
    expect(stderr).toBe("错误: 未知命令 'strat'\n（是否想用 start？）\n");
  });
});

test("the version is a line on stdout", async () => {
  expect(await runCli(["--version"])).toEqual({ code: 0, stdout: expect.stringMatching(/^\d{4}\.\d+\.\d+\n$/), stderr: "" });
});

test("help on a command names its options and the global ones", async () => {
  const { code, stdout } = await runHere(["help", "log", "show"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/--grep <regexp>.*--follow.*--data-dir <dir>/s);
});

test("the exit codes are listed", async () => {
  const { code, stdout } = await runHere(["help", "exit-codes", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).map((row: { code: number }) => row.code)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 130]);
});

test("a value that looks like a global option is a value", async () => {
  const ran = await runHere(["log", "show", "--grep", "--json", "--data-dir", "/nowhere"]);
  expect(ran).toEqual({ code: 0, stdout: "", stderr: "there is no log at /nowhere/clawdbot.log\n" });
});

test("a slow reader of a pipe gets all of it before the process ends", async () => {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-cli-"));
  const line = "2026-03-02 09:15:01.123 ERROR channel.dingtalk signature rejected code=310000 trace=7f3a skew=+1843s\n";
  await writeFile(join(dir, "clawdbot.log"), line.repeat(20_000));
  const { code, stdout } = await runCli(["log", "show", "--lines", "20000", "--data-dir", dir]);
  await rm(dir, { recursive: true });
  expect(code).toBe(0);
  expect(stdout.length).toBe(20_000 * line.length);
});
