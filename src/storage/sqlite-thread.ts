import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../clock.ts";
import { ClawdbotError, errorText, StorageError } from "../errors.ts";
import type { Service } from "../service.ts";
import type { Logger } from "../skill.ts";
import type { Answer, Opening, Operation, Refusal, WorkerData } from "./sqlite-worker.ts";

type Operations = Record<string, (...args: never[]) => unknown>;
type Ready = Extract<Opening, { ready: unknown }>["ready"];

export interface SqliteThread<Ops extends Operations> extends Service {
  /** False before start, after stop, and while a thread that died is being replaced. */
  readonly running: boolean;
  /**
   * Has the thread run an operation, in the order of the calls, and resolves with its result once it is committed. `settled` is
   * called before that, also in the order of the calls. Rejects with StorageError when the disk did not take it, and with
   * CLAWDBOT_ERR_INVALID when it can never be done.
   */
  call<Name extends keyof Ops & string, T = ReturnType<Ops[Name]>>(
    name: Name,
    args: Parameters<Ops[Name]>,
    settled?: (result: ReturnType<Ops[Name]>) => T,
  ): Promise<T>;
}

export interface ThreadOptions extends WorkerData {
  clock: Clock;
  /** At most `size` operations a batch; gathered for `interval` ms, 0 = until the event loop's turn ends or the thread is free. */
  batch: { size: number; interval: number };
  log: Logger | undefined;
  /** Called whenever a thread has opened the database, before any operation runs on it. */
  opened?(ready: Ready): void;
}

interface Call {
  operation: Operation;
  settled: ((result: never) => unknown) | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./sqlite-worker.ts" : "./sqlite-worker.js", import.meta.url);

/**
 * The main thread's end of a database thread. One batch is on its way at a time: what is called meanwhile makes up the next one, so
 * batches grow with the load by themselves. A thread that dies rejects what was waiting and is replaced, with back-off.
 */
export function createSqliteThread<Ops extends Operations>(options: ThreadOptions): SqliteThread<Ops> {
  const { clock, log, batch } = options;
  let worker: Worker | undefined;
  let opening: Promise<void> | undefined;
  let waiting: Call[] = [];
  let flying: Call[] = [];
  let armed = false;
  let stopping = false;
  let failures = 0;
  let restart: Timer | undefined;
  let drained: (() => void) | undefined;

  function open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { path, role } = options;
      const thread = new Worker(WORKER, { workerData: { path, role } satisfies WorkerData, name: `sqlite ${role}` });
      let cause: unknown = "it ended";
      const die = (error: unknown) => {
        cause = error;
        void thread.terminate();
      };
      thread.on("error", die);
      thread.on("messageerror", die);
      thread.on("exit", () => {
        reject(new StorageError(`the storage thread did not start: ${errorText(cause)}`, { cause }));
        if (worker === thread) lost(cause);
      });
      thread.once("message", (first: Opening) => {
        if ("refused" in first) return reject(new ClawdbotError("CLAWDBOT_ERR_STORAGE", `cannot open ${path}: ${first.refused}`));
        options.opened?.(first.ready);
        worker = thread;
        thread.on("message", answered);
        resolve();
      });
    });
  }

  function lost(cause: unknown): void {
    worker = undefined;
    log?.error("the storage thread died", { error: errorText(cause) });
    const calls = [...flying, ...waiting];
    flying = [];
    waiting = [];
    for (const call of calls) call.reject(new StorageError("the storage thread died", { cause }));
    drained?.();
    reopen();
  }

  function reopen(): void {
    if (stopping) return;
    restart = clock.setTimeout(
      () => {
        restart = undefined;
        opening = open().catch((error) => {
          log?.error("the storage thread does not start", { error: errorText(error) });
          reopen();
        });
      },
      Math.min(100 * 2 ** failures++, 10_000),
    );
  }

  function arm(): void {
    armed = true;
    if (batch.interval > 0) clock.setTimeout(post, batch.interval);
    else setImmediate(post);
  }

  function post(): void {
    armed = false;
    if (worker === undefined || flying.length > 0 || waiting.length === 0) return;
    if (waiting.length <= batch.size) {
      flying = waiting;
      waiting = [];
    } else {
      flying = waiting.splice(0, batch.size);
    }
    worker.postMessage(flying.map((call) => call.operation));
  }

  function answered({ results, refusals }: Answer): void {
    failures = 0;
    const calls = flying;
    flying = [];
    if (batch.interval === 0 || waiting.length >= batch.size || stopping) post();
    else if (waiting.length > 0 && !armed) arm();
    for (let index = 0; index < calls.length; index++) {
      const { settled, resolve, reject } = calls[index]!;
      const refusal = refusals?.get(index);
      if (refusal) {
        reject(toError(refusal));
        continue;
      }
      try {
        resolve(settled === undefined ? results[index] : settled(results[index] as never));
      } catch (error) {
        reject(error);
      }
    }
    if (flying.length === 0) drained?.();
  }

  return {
    get running() {
      return worker !== undefined && !stopping;
    },
    call(name, args, settled) {
      return new Promise((resolve, reject) => {
        if (worker === undefined || stopping) return reject(new StorageError("the store is not running"));
        waiting.push({ operation: [name, ...args], settled, resolve: resolve as Call["resolve"], reject });
        if (flying.length === 0 && !armed) arm();
      });
    },
    async start() {
      if (worker !== undefined) return;
      stopping = false;
      failures = 0;
      opening = open();
      await opening;
    },
    async stop() {
      stopping = true;
      clock.clearTimeout(restart);
      await opening?.catch(() => {});
      if (flying.length > 0 || waiting.length > 0) {
        const done = new Promise<void>((resolve) => (drained = resolve));
        post();
        await done;
        drained = undefined;
      }
      const thread = worker;
      if (thread === undefined) return;
      worker = undefined;
      const ended = new Promise((resolve) => thread.once("exit", resolve));
      thread.postMessage("close");
      await ended;
    },
  };
}

function toError([kind, message]: Refusal): Error {
  return kind === "invalid"
    ? new ClawdbotError("CLAWDBOT_ERR_INVALID", `not stored: ${message}`)
    : new StorageError(`not stored: ${message}`, { full: kind === "full" });
}
