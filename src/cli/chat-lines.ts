import { createInterface } from "node:readline";
import { sleep, systemClock } from "../clock.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Connect } from "./talk.ts";

/** How long, after the last line, an answer that has not come is waited for; some messages get none. */
const QUIET_MS = 5000;

/** Says each line of stdin and prints the answers, nothing else: for pipes. */
export async function chatInLines({ out }: Cli, connect: Connect): Promise<ExitCode> {
  const unanswered = new Set<string>();
  let heard = () => {};
  const talk = await connect({
    reply({ replyTo, text }) {
      out.line(text);
      if (replyTo !== undefined) unanswered.delete(replyTo);
      heard();
    },
  });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    const id = talk.newId();
    unanswered.add(id);
    await talk.send(id, line);
  }
  while (unanswered.size > 0) {
    const next = new AbortController();
    heard = () => next.abort();
    const inVain = await sleep(systemClock, QUIET_MS, next.signal).then(
      () => true,
      () => false,
    );
    if (inVain) break;
  }
  return EXIT.ok;
}
