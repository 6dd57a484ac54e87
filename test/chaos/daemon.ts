import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../bin/clawdbot", import.meta.url));
const READY = /^ready in \d+ ms\s+(http:\S+)/m;
const READY_WITHIN_MS = 30_000;
const KEPT_OUTPUT = 20_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface DaemonOptions {
  /** Working folder: the one that holds config/ and gets data/. */
  dir: string;
  env?: Record<string, string>;
  /** A program and its arguments that run the launcher, such as a tracer. */
  under?: string[];
}

/** The real daemon: a process of its own, started through bin/clawdbot as an operator would. */
export interface Daemon {
  /** Resolves with its URL and the ms since its start once it says that it is ready; rejects when it ends before. */
  readonly ready: Promise<{ url: string; ms: number }>;
  readonly exited: Promise<Exit>;
  /** Sends a signal to the process that was started, as an init system would; under another program, to both of them. */
  signal(name: NodeJS.Signals): void;
  /** Ends it, and whatever it has started, at an arbitrary instruction; resolves when it has ended. */
  kill(): Promise<Exit>;
  /** The last of what it printed. */
  output(): string;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) send("SIGKILL", -child.pid!);
});

export function startDaemon({ dir, env = {}, under = [] }: DaemonOptions): Daemon {
  const [program, ...args] = [...under, LAUNCHER, "start"];
  const began = performance.now();
  const child = spawn(program!, args, { cwd: dir, env: { ...inherited(), ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  running.add(child);
  let printed = "";
  let announce: ((ready: { url: string; ms: number }) => void) | undefined;

  function hear(chunk: Buffer): void {
    printed = (printed + chunk.toString()).slice(-KEPT_OUTPUT);
    const url = announce && READY.exec(printed)?.[1];
    if (!url) return;
    announce?.({ url, ms: performance.now() - began });
    announce = undefined;
  }
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);

  const exited = new Promise<Exit>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  const ready = new Promise<{ url: string; ms: number }>((resolve, reject) => {
    announce = resolve;
    const patience = setTimeout(() => reject(new Error(`not ready in ${READY_WITHIN_MS} ms:\n${printed}`)), READY_WITHIN_MS);
    patience.unref();
    exited.then(({ code, signal }) => reject(new Error(`ended (${signal ?? code}) before it was ready:\n${printed}`)), reject);
  });
  // Whoever does not wait for it must not be told of a kill by an unhandled rejection.
  ready.catch(() => {});

  return {
    ready,
    exited,
    signal: (name) => send(name, under.length > 0 ? -child.pid! : child.pid!),
    kill() {
      // The launcher may have handed over to another process: all of them are in one group.
      send("SIGKILL", -child.pid!);
      return exited;
    },
    output: () => printed,
  };
}

/** Does nothing when the process has ended. */
function send(signal: NodeJS.Signals, to: number): void {
  try {
    process.kill(to, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** This process's environment without what would configure the daemon or its Node. */
function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CLAWDBOT_|NODE_OPTIONS$|VITEST)/.test(name)));
}
