import type { SimulatorDefinition } from "../simulator.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";

/** Where an example puts the platform's API. */
const EXAMPLE = "127.0.0.1:18080";

/**
 * Where the simulated API must listen so that the daemon, as it is configured, finds it there. Undefined for a channel without an API.
 * Fails with the lines to write when the configuration points anywhere but at this machine.
 */
export function listenAddress(
  key: string,
  config: Record<string, unknown>,
  definition: SimulatorDefinition,
): { host: string; port: number } | undefined {
  const bases = basesIn(definition);
  const [first] = Object.keys(bases);
  if (first === undefined) return undefined;
  const url = URL.parse(String(config[first] ?? ""));
  const wanted = url && basesIn(definition, url.host);
  const local = url && isLoopback(url.hostname) && url.port !== "";
  if (local && Object.entries(wanted!).every(([name, value]) => sameUrl(config[name], value))) {
    return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) };
  }
  throw usage(
    say({
      zh: `配置中的 ${first} 指向 ${String(config[first])}，不是本机的模拟平台`,
      en: `${first} in the configuration is ${String(config[first])}, not a simulated platform on this machine`,
    }),
    say({ zh: "这样写，再重启守护进程：", en: "write this, then start the daemon again:" }) + sectionFor(key, definition, "bases only"),
  );
}

/** The section to write, as YAML: with the credentials that the simulator makes up, or only its addresses. */
export function sectionFor(key: string, definition: SimulatorDefinition, which: "all" | "bases only" = "all"): string {
  const values = which === "all" ? { enabled: true, ...definition.config(`http://${EXAMPLE}`) } : basesIn(definition);
  return `\n${key}:\n${Object.entries(values)
    .map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`)
    .join("\n")}`;
}

/** Which keys hold the platform's addresses: those in which the simulator writes its own. */
function basesIn(definition: SimulatorDefinition, host = EXAMPLE): Record<string, unknown> {
  const config = definition.config(`http://${host}`);
  return Object.fromEntries(Object.entries(config).filter(([, value]) => typeof value === "string" && value.includes(`//${host}`)));
}

function sameUrl(a: unknown, b: unknown): boolean {
  return String(a).replace(/\/$/, "") === String(b).replace(/\/$/, "");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}
