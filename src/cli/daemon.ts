import { existsSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { dataPaths } from "../data-dir.ts";
import { type ErrorCode, errorText } from "../errors.ts";
import type { AdminApi, StoreApi } from "../http/admin-api.ts";
import type { Cli } from "./cli.ts";
import { Failure } from "./failure.ts";
import { say } from "./language.ts";
import { loadSettings } from "./settings.ts";

/** How long an answer may take beside the time that the question itself asks to wait. */
const PATIENCE_MS = 30_000;

/** The daemon that runs on the data directory; fails with exit code 4 when none does. */
export async function connectAdmin(cli: Cli): Promise<AdminApi> {
  const dataDir = await findDataDir(cli);
  if (await isListening(dataDir)) return adminClient(dataDir);
  throw new Failure(
    "CLAWDBOT_ERR_DAEMON_UNREACHABLE",
    say({ zh: `没有守护进程在 ${dataDir} 上运行`, en: `no daemon runs on ${dataDir}` }),
    say({
      zh: "先运行 clawdbot start；若它用的是别的数据目录，请加 --data-dir",
      en: "run clawdbot start, or name its data directory with --data-dir",
    }),
  );
}

/** The pid of the daemon that runs on the data directory. */
export async function runningDaemon(dataDir: string): Promise<number | undefined> {
  return (await isListening(dataDir)) ? (await adminClient(dataDir).status()).pid : undefined;
}

/** What is stored, from the daemon or, while that is down, from its store. Must be closed. */
export async function storeOrDaemon(cli: Cli): Promise<{ api: StoreApi; close(): Promise<void> }> {
  const dataDir = await findDataDir(cli);
  if (await isListening(dataDir)) return { api: adminClient(dataDir), close: async () => {} };
  const { settings } = await loadSettings(cli);
  const { path } = settings.storage;
  if (!existsSync(path)) {
    throw new Failure(
      "CLAWDBOT_ERR_DAEMON_UNREACHABLE",
      say({ zh: `守护进程没有运行，也没有存储文件 ${path}`, en: `the daemon is down and there is no store at ${path}` }),
      say({ zh: "先运行 clawdbot start", en: "run clawdbot start" }),
    );
  }
  const [{ createSqliteStorage }, { createStoreApi }, { systemClock }, { createLog }] = await Promise.all([
    import("../storage/sqlite.ts"),
    import("../http/admin-api.ts"),
    import("../clock.ts"),
    import("../observe/log.ts"),
  ]);
  const log = createLog({ level: "error", stream: cli.out.talk, clock: systemClock });
  const storage = createSqliteStorage({ path, clock: systemClock, batch: settings.performance.batch, log: log.logger("storage") });
  await storage.start();
  cli.out.talk("source: store (daemon down)");
  return { api: createStoreApi(storage), close: () => storage.stop() };
}

/** --data-dir or CLAWDBOT_DATA_DIR, else what the configuration says. */
export async function findDataDir(cli: Cli): Promise<string> {
  return cli.options.dataDir ?? cli.environment.dataDir ?? (await loadSettings(cli)).settings.dataDir;
}

/** Whether a daemon takes questions there. */
export async function isListening(dataDir: string): Promise<boolean> {
  const { socket } = dataPaths(dataDir);
  return await new Promise((resolve) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
}

const METHODS = {
  status: true,
  channels: true,
  login: true,
  send: true,
  skills: true,
  skill: true,
  loadSkill: true,
  unloadSkill: true,
  enableSkill: true,
  disableSkill: true,
  stop: true,
  traces: true,
  trace: true,
  deadLetters: true,
  deadLetter: true,
  replay: true,
  purge: true,
} satisfies Record<keyof AdminApi, true>;

function adminClient(dataDir: string): AdminApi {
  const { socket } = dataPaths(dataDir);
  const methods = Object.keys(METHODS).map((method) => [method, (query: object = {}) => call(socket, method, query)]);
  return Object.fromEntries(methods) as unknown as AdminApi;
}

function call(socket: string, method: string, query: object): Promise<unknown> {
  const wait = "waitMs" in query ? Number(query.waitMs) : 0;
  return new Promise((resolve, reject) => {
    const asking = request({
      socketPath: socket,
      path: `/${method}`,
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json" },
      timeout: PATIENCE_MS + wait,
    });
    asking.on("timeout", () =>
      asking.destroy(new Failure("CLAWDBOT_ERR_TIMEOUT", say({ zh: "守护进程没有按时回答", en: "the daemon did not answer in time" }))),
    );
    asking.on("response", async (response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const answer = JSON.parse(Buffer.concat(chunks).toString()) as Answer;
        if (answer.ok) resolve(answer.result);
        else reject(new Failure(answer.error.code, answer.error.message));
      } catch (error) {
        reject(lost(error));
      }
    });
    asking.on("error", (error) => reject(lost(error)));
    asking.end(JSON.stringify(query));
  });
}

type Answer = { ok: true; result: unknown } | { ok: false; error: { code: ErrorCode; message: string } };

function lost(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const why = errorText(error);
  return new Failure(
    "CLAWDBOT_ERR_DAEMON_UNREACHABLE",
    say({ zh: `与守护进程的连接断开：${why}`, en: `lost the daemon: ${why}` }),
    undefined,
    error,
  );
}
