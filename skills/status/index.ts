import { defineSkill } from "clawdbot";

export default defineSkill({
  name: "status",
  aliases: ["状态"],
  version: "1.0.0",
  description: { zh: "机器人的运行状态", en: "How the bot is doing" },
  usage: { zh: "/status", en: "/status" },
  triggers: [],
  async handleMessage(_message, context) {
    const status = await context.status();
    const zh = context.language === "zh";
    const channels = status.channels.map(
      ({ channel, account, receiving, detail }) => `${receiving ? "✓" : "✗"} ${channel}/${account} ${detail}`,
    );
    return [
      `clawdbot ${status.version}, ${zh ? "已运行" : "up"} ${duration(status.uptimeMs)}`,
      ...channels.map((line) => line.trimEnd()),
      zh
        ? `待处理 ${status.inbox}，待发送 ${status.outbox}，死信 ${status.deadLetters}`
        : `waiting ${status.inbox}, to be sent ${status.outbox}, dead letters ${status.deadLetters}`,
    ].join("\n");
  },
});

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  return `${days > 0 ? `${days}d ` : ""}${hours > 0 || days > 0 ? `${hours}h ` : ""}${minutes % 60}m`;
}
