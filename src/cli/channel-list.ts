import type { ChannelState } from "../adapters/host.ts";
import { systemClock } from "../clock.ts";
import type { Cli } from "./cli.ts";
import type { Paint } from "./colour.ts";
import { connectAdmin } from "./daemon.ts";
import { showDuration } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";
import { table } from "./table.ts";

/** Every channel account that the daemon runs. */
export async function listChannels(cli: Cli): Promise<ExitCode> {
  const channels = await (await connectAdmin(cli)).channels();
  await cli.out.document(channels, () => channelTable(channels, cli.out.paint, systemClock.now()));
  return EXIT.ok;
}

export function channelTable(channels: ChannelState[], paint: Paint, now: number): string {
  if (channels.length === 0) return say({ zh: "没有启用的渠道", en: "no channel is enabled" });
  const ago = (at: number | null) => (at === null ? "-" : showDuration(now - at));
  const rows = channels.map((one) => [
    one.channel,
    one.account,
    one.receiving ? paint.green("receiving") : paint.red("down"),
    ago(one.lastIn),
    ago(one.lastOut),
    one.detail,
  ]);
  return table(["CHANNEL", "ACCOUNT", "STATE", "LAST IN", "LAST OUT", "DETAIL"], rows);
}
