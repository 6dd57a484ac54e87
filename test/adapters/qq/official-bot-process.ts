import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Bot } from "qq-official-bot";

/**
 * Runs the bot of the package qq-official-bot in a process of its own, since it swallows every error of its process. It answers each
 * message with "echo: " and its text, and tells its parent what it got. Arguments: mode, base URL of the platform.
 */
const [mode, platform] = process.argv.slice(2) as ["websocket" | "webhook", string];
const tell = (what: Record<string, unknown>) => process.send?.(what);

const bot = new Bot({
  appid: "102000001",
  secret: "simulatedAppSecret",
  mode,
  intents: ["GROUP_AND_C2C_EVENT"],
  logLevel: "off",
  port: 1,
  path: "/clawdbot/qq/callback",
} as unknown as ConstructorParameters<typeof Bot>[0]);

// Its addresses are fixed.
bot.request.defaults.baseURL = platform;
bot.request.interceptors.request.use((request) => ({ ...request, url: request.url?.replace("https://bots.qq.com", platform) ?? "" }));

if (mode === "webhook") {
  // It would listen on all interfaces.
  const { server } = (bot as unknown as { receiver: { handler: { server: Server } } }).receiver.handler;
  const listen = server.listen.bind(server) as (port: number, host: string) => Server;
  Object.assign(server, { listen: () => listen(0, "127.0.0.1") });
  server.on("listening", () => tell({ listening: (server.address() as AddressInfo).port }));
}

for (const event of ["message.private", "message.group"] as const) {
  bot.on(event, (message: { raw_message: string; message_id: string; reply(text: string): Promise<unknown> }) => {
    tell({ event, text: message.raw_message });
    message.reply(`echo: ${message.raw_message}`).then(
      (answer) => tell({ answered: answer }),
      (error: unknown) => tell({ failed: String(error) }),
    );
  });
}

bot.start().then(() => tell({ ready: true }));
