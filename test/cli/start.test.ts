import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli, runHere } from "./run-cli.ts";
import { makeWorkingFolder } from "./running-daemon.ts";

let dir: string;

beforeAll(async () => {
  dir = await makeWorkingFolder({ "config/gateway.yaml": "server:\n  prot: 0\nmetrics: { port: 0 }\n" });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** In a process of its own, from the working folder. */
const shell = (...args: string[]) => runCli(args, { cwd: dir });

describe("a configuration with a mistake", () => {
  test("refuses the start with 2, as a compiler would say it", async () => {
    const { code, stdout, stderr } = await shell("start");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^config\/gateway\.yaml:2:3 {2}server\.prot: .*port\?\n {2}2 \| {3}prot: 0\n {4}\| {3}\^{4}\n$/);
  });

  test("is validated the same way; in JSON each problem has its place", async () => {
    const { code, stdout } = await runHere(["config", "validate", `${dir}/config`, "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: {
        code: "CLAWDBOT_ERR_CONFIG",
        problems: [{ file: expect.stringMatching(/config\/gateway\.yaml$/), line: 2, column: 3, path: "server.prot" }],
      },
    });
  });

  test("does not keep a daemon from being found by its data directory", async () => {
    expect((await runHere(["status", "--config", `${dir}/config`, "--data-dir", `${dir}/data`])).code).toBe(4);
    expect((await runHere(["status", "--config", `${dir}/config`])).code).toBe(2);
  });
});

describe("a port that is taken", () => {
  test("ends the start with 1 and names the option", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const started = await runCli(["start", "--port", String(port), "--set", "metrics.port=0", "--json"], {
      env: { CLAWDBOT_DATA_DIR: `${dir}/data` },
      cwd: `${dir}/config`,
    });
    await new Promise((resolve) => other.close(resolve));
    expect(started.code).toBe(1);
    expect(JSON.parse(started.stdout)).toMatchObject({ ok: false, error: { code: "EADDRINUSE", hint: expect.stringContaining("--port") } });
  });
});

describe("config", () => {
  const config = (...args: string[]) => runHere(["config", ...args]);

  test("validate counts what it read", async () => {
    const folder = await makeWorkingFolder({
      "config/a.yaml": "server:\n  host: 127.0.0.1\n  port: 0\n",
      "config/b.yaml": "websocket:\n  token: 0123456789abcdef\n",
    });
    const { code, stdout } = await runHere(["config", "validate", `${folder}/config`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "ok: 2 files, 3 keys, 0 warnings\n" });
    const secret = await runCli(["config", "get", "websocket.token", "--show-origin"], { cwd: folder });
    expect(secret).toEqual({ code: 0, stdout: "***  config/b.yaml:2:3\n", stderr: "" });
    await rm(folder, { recursive: true });
  });

  test("get shows a default as one; an unknown key is not found, with the one that was probably meant", async () => {
    expect((await config("get", "server.port", "--show-origin", "--json")).stdout).toBe(
      `${JSON.stringify({ path: "server.port", value: 8080, origin: "default" }, null, 2)}\n`,
    );
    const { code, stderr } = await config("get", "sever.port");
    expect(code).toBe(3);
    expect(stderr).toContain("server.port");
  });

  test("explain says what a key means, in the reader's language", async () => {
    expect((await config("explain", "server.port")).stdout).toMatch(/^server\.port {2}a whole number .*\n.*\ndefault: 8080\n$/);
    const chinese = await runCli(["config", "explain", "server.port"], { env: { CLAWDBOT_LANG: "zh" } });
    expect(chinese.stdout).toContain("端口");
  });

  test("schema is JSON Schema of everything or of a section", async () => {
    expect(JSON.parse((await config("schema")).stdout)).toMatchObject({
      $schema: expect.stringContaining("draft-07"),
      properties: { server: {} },
    });
    expect(JSON.parse((await config("schema", "--section", "log")).stdout)).toMatchObject({ properties: { level: {} } });
    expect((await config("schema", "--section", "logg")).code).toBe(3);
  });
});
