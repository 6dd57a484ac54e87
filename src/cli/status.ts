import { systemClock } from "../clock.ts";
import type { DaemonStatus } from "../http/admin-api.ts";
import { inspectAllocator } from "./allocator.ts";
import { channelTable } from "./channel-list.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin } from "./daemon.ts";
import { showDuration } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";

export interface StatusOptions {
  memory?: boolean;
  probe?: "live" | "ready" | "startup";
}

export async function status(cli: Cli, options: StatusOptions): Promise<ExitCode> {
  if (options.probe) return await probe(cli, options.probe);
  const report = await (await connectAdmin(cli)).status();
  if (options.memory) {
    const memory = { ...report.memory, ...inspectAllocator(report.pid) };
    await cli.out.document(memory, () => memoryText(memory));
  } else await cli.out.document(report, () => statusText(report, cli));
  return EXIT.ok;
}

/** Exits with 0 or 1 and nothing else, as container health checks want it; a daemon that is down is not well. */
async function probe(cli: Cli, kind: "live" | "ready" | "startup"): Promise<ExitCode> {
  const path = { live: "/livez", ready: "/readyz", startup: "/startupz" }[kind];
  try {
    const { url } = await (await connectAdmin(cli)).status();
    const { get } = await import("node:http");
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      get(url + path, { agent: false, timeout: 5000 }, async (response) => {
        let body = "";
        for await (const chunk of response.setEncoding("utf8")) body += chunk;
        resolve({ status: response.statusCode ?? 0, body });
      })
        .on("error", reject)
        .on("timeout", function (this: { destroy(error: Error): void }) {
          this.destroy(new Error(`${path} did not answer within 5 s`));
        });
    });
    cli.out.line(answer.body);
    return answer.status === 200 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    cli.out.talk(`${kind}: ${(error as Error).message}`);
    return EXIT.failed;
  }
}

function statusText(report: DaemonStatus, { out: { paint } }: Cli): string {
  const now = systemClock.now();
  const oldest = report.oldest === null ? "-" : showDuration(now - report.oldest);
  const lines = [
    `${paint.bold(`clawdbot ${report.version}`)}  pid ${report.pid}  ${say({ zh: "已运行", en: "up" })} ${showDuration(report.uptimeMs)}  node ${report.node}`,
    `url      ${report.url}`,
    ...(report.metricsUrl ? [`metrics  ${report.metricsUrl}`] : []),
    `data     ${report.dataDir}`,
    ...(report.logFile ? [`log      ${report.logFile}`] : []),
    `queue    inbox ${report.inbox}  outbox ${report.outbox}  dead letters ${report.deadLetters}  oldest ${oldest}`,
    "",
    channelTable(report.channels, paint, now),
    ...report.troubledSkills.map((skill) => paint.red(`skill    ${skill.name} ${skill.state}: ${skill.detail}`)),
  ];
  return lines.join("\n");
}

function memoryText(memory: DaemonStatus["memory"] & ReturnType<typeof inspectAllocator>): string {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return [
    `rss: ${mib(memory.rss)}  heap: ${mib(memory.heapUsed)}  external: ${mib(memory.external)}`,
    `allocator: ${memory.allocator}`,
    ...(memory.advice ? [`  ${memory.advice}`] : []),
    memory.hugePages,
  ].join("\n");
}
