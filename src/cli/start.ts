import { systemClock } from "../clock.ts";
import { dataPaths, makeDataDir } from "../data-dir.ts";
import { errorCode, errorText } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { warnOfProblem } from "../observe/warn-of-problem.ts";
import type { Service } from "../service.ts";
import { preferJemalloc } from "./allocator.ts";
import type { Cli } from "./cli.ts";
import { runningDaemon } from "./daemon.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Failure, usage } from "./failure.ts";
import { say } from "./language.ts";
import { loadSettings } from "./settings.ts";
import { handleSignals } from "./signals.ts";
import { terminalLines } from "./terminal-lines.ts";

export interface StartOptions {
  host?: string;
  port?: string;
  set?: string[];
}

/** What stopping may take beyond performance.drain_timeout before the process ends anyway. */
const CLOSING_MS = 1500;

/** Runs the daemon; resolves when it has been told to stop and has drained. */
export async function start(cli: Cli, options: StartOptions): Promise<ExitCode> {
  const { out, environment } = cli;
  preferJemalloc(environment);
  // A daemon outlives the reader of its output.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error").on("error", () => {});
  const [{ settings, warnings, secrets }, { createGateway }, { createLog }, { createAdminApi }, { createAdminServer }] = await Promise.all([
    loadSettings(cli, flagsOf(options)),
    import("../gateway.ts"),
    import("../observe/log.ts"),
    import("../http/admin-api.ts"),
    import("../http/admin-server.ts"),
  ]);
  if (environment.failpoint) await armCrash(environment.failpoint);
  await makeDataDir(settings.dataDir);
  await refuseSecond(settings.dataDir);

  const paths = dataPaths(settings.dataDir);
  const logFile = settings.log.file ? paths.log : undefined;
  const stream = cli.options.quiet ? undefined : terminalLines();
  const log = createLog({ level: settings.log.level, file: logFile, stream, clock: systemClock });
  secrets.forEach(log.hide);
  const own = log.logger("daemon");
  for (const warning of warnings) warnOfProblem(log.logger("config"), warning);

  const gateway = await createGateway({ settings, log });
  const signals = handleSignals({ log, reload: () => gateway.reload() });
  const api = createAdminApi(gateway, {
    dataDir: settings.dataDir,
    logFile,
    stop: signals.stop,
    monotonic: systemClock.monotonic,
  });
  const admin = createAdminServer({ socket: paths.socket, api });
  const services = [gateway, admin];
  try {
    for (const service of services) await service.start();
  } catch (error) {
    await stopAll(services);
    throw explained(error);
  }
  await announce(cli, gateway, paths.socket);
  own.info("started", { pid: process.pid, url: gateway.url, ms: Math.round(process.uptime() * 1000) });

  await signals.stopAsked;
  out.talk(say({ zh: "正在收尾 draining …", en: "draining …" }));
  const limit = new Promise<"late">((resolve) => {
    systemClock.setTimeout(() => resolve("late"), settings.performance.drain_timeout + CLOSING_MS);
  });
  if ((await Promise.race([stopAll(services), limit])) === "late") own.warn("did not stop in time; what was not finished is on disk");
  own.info("stopped");
  await log.close();
  out.talk("bye");
  return EXIT.ok;
}

async function armCrash(failpoint: string): Promise<void> {
  const { planCrash } = await import("../pipeline/failpoint.ts");
  planCrash(failpoint, () => process.kill(process.pid, "SIGKILL"));
}

async function refuseSecond(dataDir: string): Promise<void> {
  const pid = await runningDaemon(dataDir);
  if (pid === undefined) return;
  throw new Failure(
    "CLAWDBOT_ERR_DAEMON_RUNNING",
    say({ zh: `已有守护进程在 ${dataDir} 上运行，pid ${pid}`, en: `a daemon runs on ${dataDir} already, pid ${pid}` }),
    say({
      zh: "先运行 clawdbot stop，或用 --data-dir 指定别的目录",
      en: "run clawdbot stop first, or name another folder with --data-dir",
    }),
  );
}

function flagsOf({ host, port, set = [] }: StartOptions): Record<string, string> {
  const flags: Record<string, string> = {};
  if (host !== undefined) flags["server.host"] = host;
  if (port !== undefined) flags["server.port"] = port;
  for (const one of set) {
    const mark = one.indexOf("=");
    if (mark < 1) throw usage(say({ zh: `--set ${one}：缺少 =`, en: `--set ${one}: there is no =` }), "--set log.level=debug");
    flags[one.slice(0, mark)] = one.slice(mark + 1);
  }
  return flags;
}

/** One line for each thing that listens and each channel, then the line that scripts wait for. */
async function announce({ out }: Cli, { url, metricsUrl, channels }: Gateway, admin: string): Promise<void> {
  const ms = Math.round(process.uptime() * 1000);
  const line = (what: string, where: string) => `${what.padEnd(9)}  ${where}`;
  await out.document({ url, metricsUrl, admin, channels: channels(), ms }, () =>
    [
      line("listening", url),
      ...(metricsUrl ? [line("metrics", metricsUrl)] : []),
      line("admin", admin),
      ...channels().map((one) =>
        line(
          "channel",
          [`${one.channel}/${one.account}`, one.receiving ? "receiving" : "not receiving", one.detail].filter(Boolean).join("  "),
        ),
      ),
      `ready in ${ms} ms  ${url}`,
    ].join("\n"),
  );
}

/** In the given order, each although the one before may have failed. */
async function stopAll(services: Service[]): Promise<void> {
  for (const service of services) await service.stop().catch(() => {});
}

/** A port in use is no mistake in the files: the message says what to type instead. */
function explained(error: unknown): unknown {
  if (errorCode((error as Error).cause ?? error) !== "EADDRINUSE") return error;
  const hint = say({
    zh: "换一个端口：--port 8081，或 --port 0 任选；指标端口用 --set metrics.port=0",
    en: "choose another port: --port 8081, or --port 0 for any; for that of the metrics --set metrics.port=0",
  });
  return new Failure("EADDRINUSE", errorText(error), hint, error);
}
