import { loadAdapters, loadSimulator } from "../adapters/loader.ts";
import { sleep, systemClock } from "../clock.ts";
import { errorCode, errorText } from "../errors.ts";
import type { Offered, Simulator, SimulatorDefinition, SimulatorOptions } from "../simulator.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin } from "./daemon.ts";
import { durationOf } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Failure, usage } from "./failure.ts";
import { say } from "./language.ts";
import { loadSettings } from "./settings.ts";
import { listenAddress, sectionFor } from "./simulated-api.ts";

export interface SimulateOptions {
  text: string;
  from: string;
  group?: string;
  account?: string;
  duplicate?: number;
  forge?: string;
  wait: string;
  url?: string;
}

/** After the first reply, and after a forgery, this much silence ends the wait. */
const QUIET_MS = 500;

/** Plays the platform of a channel: one user writes to the running daemon. Fails unless the daemon answers, or refuses a forgery. */
export async function simulateChannel(cli: Cli, name: string, options: SimulateOptions): Promise<ExitCode> {
  const { out } = cli;
  const waitMs = durationOf(options.wait);
  const definition = await findSimulator(name);
  if (options.forge !== undefined && !definition.forgeries.includes(options.forge)) {
    const known = definition.forgeries.join(", ");
    throw usage(say({ zh: `${name} 没有这种伪造方式：${options.forge}`, en: `${name} knows no such forgery: ${options.forge}` }), known);
  }
  const simulator = definition.create(await simulatorOptions(cli, name, definition, options));
  const shown = out.format === "table" ? out.line : () => {};
  const conversation = options.group ?? options.from;
  const nextCalls = callCounter(simulator);
  let heard = () => {};
  simulator.onSent((record) => {
    if (record.conversation !== conversation) return;
    const mark = record.suppressed ? say({ zh: "（平台已去重）", en: " (suppressed by the platform)" }) : "";
    shown(`${nextCalls() || "reply"} … ${JSON.stringify(record.text)}${mark}`);
    heard();
  });

  await startOrExplain(simulator, name, definition);
  try {
    const { text, from, group, forge } = options;
    const offered = await simulator.say(
      { text, from, ...(group !== undefined && { group }) },
      { duplicate: options.duplicate ?? 1, ...(forge !== undefined && { forge }) },
    );
    for (const answer of offered.answers) shown(`answer ${answer}`);
    const replies = () => simulator.sent.filter((record) => record.conversation === conversation);
    await untilQuiet(
      () => replies().length,
      forge === undefined ? waitMs : Math.min(waitMs, QUIET_MS),
      (wake) => {
        heard = wake;
      },
    );
    const ok = forge === undefined ? offered.acked && replies().length > 0 : wasRefused(offered) && replies().length === 0;
    const sent = replies().map(({ text: said, suppressed }) => ({ text: said, suppressed }));
    const report = { ok, id: offered.id, acked: offered.acked, answers: offered.answers, sent, calls: simulator.calls };
    await out.document(report, () => summary(simulator, ok, forge));
    return ok ? EXIT.ok : EXIT.failed;
  } finally {
    await simulator.stop();
  }
}

async function findSimulator(name: string): Promise<SimulatorDefinition> {
  const definition = await loadSimulator(name);
  if (definition) return definition;
  const known = (await loadAdapters()).map((adapter) => adapter.name).join(", ");
  throw new Failure(
    "CLAWDBOT_ERR_NOT_FOUND",
    say({ zh: `没有渠道 ${name}，或它没有模拟器`, en: `there is no channel ${name}, or it has no simulator` }),
    say({ zh: `已安装：${known}`, en: `installed: ${known}` }),
  );
}

/** The account as the configuration has it, the daemon's address, and where the daemon expects the platform's API. */
async function simulatorOptions(
  cli: Cli,
  name: string,
  definition: SimulatorDefinition,
  options: SimulateOptions,
): Promise<SimulatorOptions> {
  const { settings, definitions } = await loadSettings(cli);
  const adapter = definitions.find((one) => one.name === name)!;
  const channel = settings.channels.find((one) => one.definition.name === name);
  const [first] = channel?.accounts.keys() ?? [];
  const config = channel?.accounts.get(options.account ?? first ?? "") as Record<string, unknown> | undefined;
  if (!channel?.enabled || !config) {
    throw usage(
      say({ zh: `渠道 ${name} 没有启用，或没有这个账号`, en: `channel ${name} is not enabled, or has no such account` }),
      say({
        zh: "可以在配置目录里这样写，然后重启守护进程：",
        en: "write this into the configuration folder, then start the daemon again:",
      }) + sectionFor(adapter.configKey, definition),
    );
  }
  const listen = listenAddress(channel.key, config, definition);
  const admin = options.url === undefined || adapter.accountsAreClients ? await connectAdmin(cli) : undefined;
  const daemonUrl = options.url ?? (await admin!.status()).url;
  const token = adapter.accountsAreClients ? (await admin!.login()).token : undefined;
  return { config, daemonUrl, ...(listen && { listen }), ...(token !== undefined && { token }) };
}

async function startOrExplain(simulator: Simulator, name: string, definition: SimulatorDefinition): Promise<void> {
  try {
    await simulator.start();
  } catch (error) {
    if (errorCode(error) !== "EADDRINUSE") throw error;
    const adapter = (await loadAdapters()).find((one) => one.name === name)!;
    throw usage(
      say({ zh: `平台 API 的端口被占用：${errorText(error)}`, en: `the port of the platform's API is taken: ${errorText(error)}` }),
      say({ zh: "换一个端口，再重启守护进程：", en: "choose another one, then start the daemon again:" }) +
        sectionFor(adapter.configKey, definition, "bases only"),
    );
  }
}

/** Resolves when nothing has come for waitMs, or, once something has come, for QUIET_MS. */
async function untilQuiet(count: () => number, waitMs: number, onWake: (wake: () => void) => void): Promise<void> {
  for (;;) {
    const next = new AbortController();
    onWake(() => next.abort());
    const inVain = await sleep(systemClock, count() > 0 ? Math.min(QUIET_MS, waitMs) : waitMs, next.signal).then(
      () => true,
      () => false,
    );
    if (inVain) return;
  }
}

/** Every delivery was turned away, by an HTTP status or, on a socket, by its close code. */
function wasRefused({ acked, answers }: Offered): boolean {
  return !acked && answers.length > 0 && answers.every((answer) => answer !== 200);
}

/** Names the calls made since it was last asked. */
function callCounter({ calls }: Simulator): () => string {
  let known: Record<string, number> = {};
  return () => {
    const grown = Object.keys(calls).filter((call) => calls[call] !== known[call]);
    known = { ...calls };
    return grown.join(", ");
  };
}

function summary({ calls, sent }: Simulator, ok: boolean, forge: string | undefined): string {
  const lines = Object.entries(calls).map(([call, times]) => `${times} ${call}`);
  if (forge !== undefined) {
    lines.push(
      ok
        ? say({ zh: "伪造请求被拒绝，没有发出任何消息", en: "forgery refused, nothing sent" })
        : say({ zh: "伪造请求未被拒绝！", en: "forgery NOT refused" }),
    );
  } else if (sent.length === 0) lines.push(say({ zh: "没有回复：clawdbot trace 可查原因", en: "no reply; clawdbot trace says why" }));
  return lines.join("\n");
}
