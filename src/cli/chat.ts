import { readFile } from "node:fs/promises";
import { systemClock, systemRandom } from "../clock.ts";
import { userName } from "../config/environment.ts";
import { createIds } from "../ids.ts";
import { connectDaemon, type DaemonDelta, type DaemonReply, type DaemonSocket } from "../net/daemon-socket.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin } from "./daemon.ts";
import type { ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";
import type { Connect } from "./talk.ts";

export interface ChatOptions {
  conversation?: string;
  group?: boolean;
  user?: string;
  /** true: from stdin. */
  script?: string | true;
}

/** Talks to the bot as a local client of the daemon: a person at a terminal, lines from a pipe, or a script with expectations. */
export async function chat(cli: Cli, options: ChatOptions): Promise<ExitCode> {
  const script = options.script === undefined ? undefined : await readScript(options.script);
  const { url, token } = await (await connectAdmin(cli)).login();
  const user = options.user ?? userName();
  const group = options.group === true;
  const conversation = {
    id: options.conversation ?? (group ? "cli" : `cli:${user}`),
    type: group ? ("group" as const) : ("direct" as const),
  };
  const newId = createIds(systemClock, systemRandom);
  let socket: DaemonSocket | undefined;

  const connect: Connect = async (ears) => {
    const isHere = (what: DaemonReply | DaemonDelta) => what.conversation.id === conversation.id;
    const connected = await connectDaemon({
      url,
      token,
      onReply: (reply) => isHere(reply) && ears.reply(reply),
      onDelta: (delta) => isHere(delta) && ears.delta?.(delta),
      onState: (state) => ears.state?.(state),
    });
    socket = connected;
    return {
      newId: () => `cli-${newId()}`,
      send: (id, text) => connected.send({ id, conversation, sender: { id: user, name: user }, text }),
    };
  };

  try {
    if (script !== undefined) return await (await import("./play-script.ts")).playScript(cli, script, connect);
    if (cli.out.interactive) return await (await import("./chat-terminal.ts")).chatOnTerminal(cli, connect);
    return await (await import("./chat-lines.ts")).chatInLines(cli, connect);
  } finally {
    await socket?.close();
  }
}

async function readScript(from: string | true): Promise<string> {
  if (from === true || from === "-") {
    let text = "";
    for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
    return text;
  }
  try {
    return await readFile(from, "utf8");
  } catch (error) {
    throw usage(say({ zh: `无法读取脚本 ${from}`, en: `cannot read the script ${from}` }), (error as Error).message);
  }
}
