import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readEnvironment } from "../../src/config/environment.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** What stands on its stdin. */
  input?: string;
}

/** A command line in a process of its own, as a shell runs it, from source; in English unless told otherwise. */
export function spawnCli(args: string[], { cwd, env = {} }: RunOptions = {}) {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(CLAWDBOT_|NODE_OPTIONS$|VITEST|NO_COLOR|FORCE_COLOR|MALLOC_CONF)/.test(name),
  );
  return spawn(process.execPath, ["--conditions=source", MAIN, ...args], {
    cwd,
    env: { ...Object.fromEntries(clean), CLAWDBOT_LANG: "en", ...env },
    stdio: "pipe",
  });
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs it to its end. */
export function runCli(args: string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawnCli(args, options);
  const ran = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    ran.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    ran.stderr += text;
  });
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...ran }));
  });
}

/** Runs it inside this process, which is much faster: for commands that do not read stdin, with paths that are absolute. */
export async function runHere(args: string[]): Promise<Ran> {
  // Read once, when the first command is loaded.
  process.env.CLAWDBOT_LANG = "en";
  const { runCommand } = await import("../../src/cli/run-command.ts");
  const ran = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof ran) => ({
    write(text: string) {
      ran[name] += text;
    },
  });
  const streams = { stdin: {}, stdout: stream("stdout"), stderr: stream("stderr") };
  return { code: await runCommand(args, readEnvironment({}), streams), ...ran };
}
