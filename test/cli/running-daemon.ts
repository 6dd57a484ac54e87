import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../src/testing/until.ts";
import { type Ran, type RunOptions, runCli, runHere, spawnCli } from "./run-cli.ts";

/** A daemon in a process of its own, and command lines in its working folder. */
export interface RunningDaemon {
  readonly dir: string;
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  readonly exited: Promise<number | null>;
  /** Runs a command inside this process on the daemon's configuration and data. */
  run(...args: string[]): Promise<Ran>;
  /** Runs a command in a process of its own in the daemon's working folder. */
  shell(args: string[], options?: Pick<RunOptions, "input">): Promise<Ran>;
  /** Ends it, however it is, and removes its files. */
  remove(): Promise<void>;
}

/** Makes a working folder with this configuration and starts a daemon in it; resolves once it is ready. */
export async function startDaemon(files: Record<string, string>): Promise<RunningDaemon> {
  const dir = await makeWorkingFolder(files);
  const child = spawnCli(["start"], { cwd: dir });
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  const daemon: RunningDaemon = {
    dir,
    child,
    get stdout() {
      return printed.stdout;
    },
    get stderr() {
      return printed.stderr;
    },
    exited,
    run: (...args) => runHere([...args, "--config", join(dir, "config"), "--data-dir", join(dir, "data")]),
    shell: (args, options) => runCli(args, { cwd: dir, ...options }),
    async remove() {
      child.kill("SIGKILL");
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await until("the ready line", () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${printed.stderr}`);
      return /^ready in/m.test(printed.stdout);
    });
  } catch (error) {
    await daemon.remove();
    throw error;
  }
  return daemon;
}

export async function makeWorkingFolder(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-cli-"));
  await mkdir(join(dir, "config"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

/** A port that nothing listens on, and that no system gives to those who ask for any (they begin at 32768 or higher). */
export async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}
