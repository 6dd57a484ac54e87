import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const BIN = fileURLToPath(new URL("../../bin", import.meta.url));

/** Stands for the built command line: prints its pid and arguments, then does what the first argument says. */
const MAIN = `
const [what, value] = process.argv.slice(2);
for (const signal of ["SIGINT", "SIGHUP", "SIGUSR2"]) process.on(signal, () => console.log(signal));
process.on("SIGTERM", () => process.exit(9));
console.log(JSON.stringify({ pid: process.pid, args: process.argv.slice(2), marked: "CLAWDBOT_HANDED_OVER" in process.env }));
if (what === "exit") process.exit(Number(value));
if (what === "die") process.kill(process.pid, value);
setInterval(() => {}, 60_000);
`;

/** Makes the Node that loads it say that it is an old one; the one that is handed over to is not. */
const PRETEND_OLD = `
if (!process.env.CLAWDBOT_HANDED_OVER) Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });
`;

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("bin/clawdbot", () => {
  test("becomes the command line, found through the link that npm makes, with its arguments", async () => {
    const { dir } = await installed({ built: true, pinned: true });
    await symlink(join(dir, "bin/clawdbot"), join(dir, "oclaw"));
    const child = run(join(dir, "oclaw"), ["exit", "3", "two words"]);
    expect(await firstLine(child)).toEqual({ pid: child.pid, args: ["exit", "3", "two words"], marked: false });
    expect(await ended(child)).toEqual({ code: 3, signal: null });
  });

  test("is the same program where npm has to name Node.js as its interpreter", async () => {
    const { dir } = await installed({ built: true, pinned: false });
    await symlink(join(dir, "bin/clawdbot.js"), join(dir, "oclaw"));
    const child = run(process.execPath, [join(dir, "oclaw"), "exit", "3"]);
    expect(await firstLine(child)).toMatchObject({ args: ["exit", "3"] });
    expect(await ended(child)).toEqual({ code: 3, signal: null });
  });

  test("says that it is not built yet, exit code 2", async () => {
    const { dir } = await installed({ built: false, pinned: false });
    const child = run(process.execPath, [join(dir, "bin/clawdbot"), "start"]);
    const talk = lines(child, "stderr");
    expect(await ended(child)).toEqual({ code: 2, signal: null });
    expect(await talk).toEqual([expect.stringContaining("run npm start"), expect.stringContaining("请先")]);
  });
});

describe("on a Node.js that is too old", () => {
  test("it says which one is needed, exit code 2", async () => {
    const { dir, old } = await installed({ built: true, pinned: false });
    const child = run(process.execPath, [...old, join(dir, "bin/clawdbot"), "start"]);
    const talk = lines(child, "stderr");
    expect(await ended(child)).toEqual({ code: 2, signal: null });
    expect(await talk).toEqual([expect.stringContaining("needs Node.js 22.18"), expect.stringContaining("需要 Node.js 22.18")]);
  });

  test("it hands over to the pinned one and ends with its status", async () => {
    const { child } = await handedOver(["exit", "7"]);
    expect(await ended(child)).toEqual({ code: 7, signal: null });
  });

  test("it ends by the signal that ended the other", async () => {
    const { child } = await handedOver(["die", "SIGABRT"]);
    expect(await ended(child)).toEqual({ code: null, signal: "SIGABRT" });
  });

  test("it passes signals on", async () => {
    const { child, next } = await handedOver(["wait"]);
    for (const signal of ["SIGINT", "SIGHUP", "SIGUSR2"] as const) {
      child.kill(signal);
      expect(await next()).toBe(signal);
    }
    child.kill("SIGTERM");
    expect(await ended(child)).toEqual({ code: 9, signal: null });
  });

  test("what it handed over to does not outlive it, even when it is killed", async () => {
    const { child, next } = await handedOver(["wait"]);
    child.kill("SIGKILL");
    // The end of its output is the end of the last process that holds it.
    expect(await next()).toBeUndefined();
  });
});

/** A package as it lies on the disk after an installation, with or without what is built and the pinned Node. */
async function installed({ built, pinned }: { built: boolean; pinned: boolean }): Promise<{ dir: string; old: string[] }> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-bin-"));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  await cp(BIN, join(dir, "bin"), { recursive: true });
  await writeFile(join(dir, "package.json"), '{ "type": "module" }');
  await writeFile(join(dir, "old.cjs"), PRETEND_OLD);
  if (built) {
    await mkdir(join(dir, "dist/src/cli"), { recursive: true });
    await writeFile(join(dir, "dist/src/cli/main.js"), MAIN);
  }
  if (pinned) {
    const node = join(dir, "node_modules/node/bin/node");
    await mkdir(join(node, ".."), { recursive: true });
    await writeFile(node, `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
    await chmod(node, 0o755);
  }
  return { dir, old: ["--require", join(dir, "old.cjs")] };
}

async function handedOver(args: string[]): Promise<{ child: ChildProcess; next(): Promise<unknown> }> {
  const { dir, old } = await installed({ built: true, pinned: true });
  const child = run(process.execPath, [...old, join(dir, "bin/clawdbot"), ...args]);
  const output = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async () => (await output.next()).value as unknown;
  const first = JSON.parse(String(await next()));
  expect(first).toEqual({ pid: expect.any(Number), args, marked: false });
  expect(first.pid).not.toBe(child.pid);
  return { child, next };
}

function run(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

async function firstLine(child: ChildProcess): Promise<unknown> {
  return JSON.parse((await lines(child, "stdout"))[0]!);
}

async function lines(child: ChildProcess, stream: "stdout" | "stderr"): Promise<string[]> {
  const all: string[] = [];
  for await (const line of createInterface({ input: child[stream]! })) all.push(line);
  return all;
}

async function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return { code: child.exitCode, signal: child.signalCode };
}
