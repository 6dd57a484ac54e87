import { isIPv4 } from "node:net";
import type { Locator } from "./check.ts";
import type { Problem } from "./problem.ts";
import type { ChannelSettings, Settings } from "./settings.ts";

/** Channels that must not run where the daemon listens, such as one that lets clients in without a token on a public address. */
export function refusedBinds(channels: readonly ChannelSettings[], { host }: Settings["server"], locator: Locator): Problem[] {
  return channels.flatMap(({ definition, enabled, accounts }) => {
    const message = enabled ? definition.check?.(accounts, { host, loopback: isLoopback(host) }) : undefined;
    if (message === undefined) return [];
    const section = [definition.configKey];
    const at = locator.where(section, "key") ?? locator.where(["server", "host"], "value");
    return [{ at, path: locator.name(section), message }];
  });
}

/** Metrics tell nobody's messages, but they tell how much there is to do: worth a word when everybody may read them. */
export function openMetrics({ enabled, host }: Settings["metrics"], locator: Locator): Problem[] {
  if (!enabled || isLoopback(host)) return [];
  return [
    {
      at: locator.where(["metrics", "host"], "value"),
      path: "metrics.host",
      message: { en: "everybody who reaches this address can read the metrics", zh: "能访问这个地址的人都能看到指标" },
      hint: { en: "Make sure that a firewall guards it", zh: "请确认有防火墙保护" },
    },
  ];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
