import { createInterface } from "node:readline";
import { errorText } from "../errors.ts";
import { createChatScreen } from "./chat-screen.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";
import type { Connect } from "./talk.ts";

/** A person talks: answers appear above the line being typed and grow while they are made; ↑ brings back what was said. */
export async function chatOnTerminal({ out }: Cli, connect: Connect): Promise<ExitCode> {
  const { paint } = out;
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: "> ", historySize: 500 });
  const screen = createChatScreen(terminal, process.stdout);
  let exit: ExitCode = EXIT.ok;
  const closed = new Promise<void>((resolve) => terminal.once("close", resolve));
  terminal.on("SIGINT", () => {
    exit = EXIT.interrupted;
    terminal.close();
  });
  const talk = await connect({
    reply: ({ text }) => screen.print(text),
    delta: ({ text }) => screen.preview(text),
    state(state) {
      if (state === "down") screen.print(paint.dim(say({ zh: "连接断开，正在重连…", en: "connection lost, trying again…" })));
      if (state !== "refused") return;
      exit = EXIT.denied;
      terminal.close();
    },
  });
  out.talk(say({ zh: "Ctrl-D 或 /quit 退出", en: "Ctrl-D or /quit ends" }));
  terminal.prompt();
  terminal.on("line", (line) => {
    if (line.trim() === "/quit") return terminal.close();
    if (line.trim() !== "") talk.send(talk.newId(), line).catch((error: unknown) => screen.print(paint.red(errorText(error))));
    terminal.prompt();
  });
  await closed;
  out.line("");
  return exit;
}
