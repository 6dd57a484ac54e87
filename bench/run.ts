/**
 * `npm run bench`: durable WeCom echo (callback in, message/send out) through the real daemon with everything on, and through the
 * bare floor, interleaved in one run. The servers run on core 0, this generator on core 1. Figures are medians of the repetitions.
 * Options: --seconds N (per run, 3), --repetitions N (3), --rate N (open loop, messages per second, 2000).
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { account, prebuiltCallbacks } from "./callbacks.ts";
import { load, type Platform, startPlatform } from "./load.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    repetitions: { type: "string", default: "3" },
    rate: { type: "string", default: "2000" },
  },
});
const seconds = Number(values.seconds);
const repetitions = Number(values.repetitions);
const rate = Number(values.rate);
const root = fileURLToPath(new URL("..", import.meta.url));

/** Messages before anything is measured: until then V8 is busy compiling, and the more code, the longer. */
const WARM_UP = 20_000;

interface Contestant {
  name: string;
  start(dir: string, platform: Platform): Promise<ServerProcess>;
}

const contestants: Contestant[] = [
  {
    name: "bare floor",
    start: (dir, platform) =>
      startServer(
        [process.execPath, "--conditions=source", join(root, "bench/floor.ts"), join(dir, "floor.db"), String(platform.port)],
        (line) => Number(line) || undefined,
      ),
  },
  { name: "clawdbot", start: startDaemon },
];

function startDaemon(dir: string, platform: Platform): Promise<ServerProcess> {
  mkdirSync(join(dir, "config"));
  const config = {
    server: { port: 0 },
    metrics: { port: 0 },
    websocket: { enabled: false },
    wechat_enterprise: { ...account, api_base: `http://127.0.0.1:${platform.port}` },
  };
  writeFileSync(join(dir, "config/gateway.yaml"), stringify(config));
  writeFileSync(join(dir, "permissions.yaml"), "skills:\n  echo:\n    deny_users: [nobody]\n    rate_limit: 10000/60s\n");
  const command = [process.execPath, join(root, "bin/clawdbot"), "start", "--config", join(dir, "config"), "--data-dir", join(dir, "data")];
  return startServer(command, (line) => Number(/^ready in \d+ ms {2}http:\/\/127\.0\.0\.1:(\d+)$/.exec(line)?.[1]) || undefined);
}

interface Figures {
  perSecond: number;
  cpuUs: number;
  p50: number;
  p99: number;
  openP50: number;
  openP99: number;
  ackP99: number;
  rssMb: number;
  lost: number;
  twice: number;
}

async function measure(contestant: Contestant, platform: Platform, requests: Buffer[]): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), "clawdbot-bench-"));
  const server = await contestant.start(dir, platform);
  try {
    const position = { next: 0 };
    const common = { port: server.port, platform, requests, position };
    await load({ ...common, durationMs: 30_000, messages: WARM_UP });
    const before = server.usage();
    const closed = await load({ ...common, durationMs: seconds * 1000 });
    const after = server.usage();
    const open = await load({ ...common, durationMs: 2000, rate });
    return {
      perSecond: closed.perSecond,
      cpuUs: (after.cpuUs - before.cpuUs) / closed.count,
      p50: closed.p50,
      p99: closed.p99,
      openP50: open.p50,
      openP99: open.p99,
      ackP99: open.ackP99,
      rssMb: after.rssMb,
      lost: closed.lost + open.lost,
      twice: closed.twice + open.twice,
    };
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

if (availableParallelism() > 1 && process.platform === "linux")
  execFileSync("taskset", ["-a", "-p", "-c", "1", String(process.pid)], { stdio: "ignore" });
const platform = await startPlatform();
const requests = prebuiltCallbacks(Math.ceil(WARM_UP + seconds * 20_000 + rate * 2.5));
const results = new Map<string, Figures[]>(contestants.map(({ name }) => [name, []]));
for (let n = 0; n < repetitions; n++) {
  for (const contestant of contestants) results.get(contestant.name)!.push(await measure(contestant, platform, requests));
}
platform.close();

const columns: [string, keyof Figures, number][] = [
  ["msg/s", "perSecond", 0],
  ["CPU µs/msg", "cpuUs", 1],
  ["p50 ms", "p50", 2],
  ["p99 ms", "p99", 2],
  [`p50 ms @${rate}/s`, "openP50", 2],
  [`p99 ms @${rate}/s`, "openP99", 2],
  [`ack p99 @${rate}/s`, "ackP99", 2],
  ["RSS MiB", "rssMb", 0],
  ["lost", "lost", 0],
  ["twice", "twice", 0],
];
const median1 = (name: string, key: keyof Figures) => median(results.get(name)!.map((figures) => figures[key]));
console.log(`durable WeCom echo, ${cpus()[0]?.model.trim()}, node ${process.version}, ${repetitions} repetitions of ${seconds} s, medians`);
console.log(["".padEnd(12), ...columns.map(([title]) => title.padStart(16))].join(""));
for (const { name } of contestants) {
  console.log([name.padEnd(12), ...columns.map(([, key, digits]) => median1(name, key).toFixed(digits).padStart(16))].join(""));
}
const ratio = (key: keyof Figures) => median1("clawdbot", key) / median1("bare floor", key);
console.log(
  `ratio to the bare floor: msg/s ${ratio("perSecond").toFixed(2)} (goal >= 0.5), CPU ${ratio("cpuUs").toFixed(2)}x, p99 @${rate}/s ${ratio("openP99").toFixed(2)}x`,
);
process.exit(results.get("clawdbot")!.some(({ lost, twice }) => lost + twice > 0) ? 1 : 0);
