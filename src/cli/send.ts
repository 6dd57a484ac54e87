import type { SendAnswer } from "../http/admin-api.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin } from "./daemon.ts";
import { durationOf } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";

export interface SendOptions {
  channel: string;
  to: string;
  account?: string;
  group?: boolean;
  text?: string;
  markdown?: string;
  wait: string;
}

/** Stores a reply that answers nothing and waits for its delivery. What is still pending goes on after this command has ended. */
export async function send(cli: Cli, options: SendOptions): Promise<ExitCode> {
  const text = options.markdown ?? options.text;
  if (!text) throw usage(say({ zh: "缺少 --text 或 --markdown", en: "--text or --markdown is missing" }));
  const waitMs = durationOf(options.wait);
  const answer = await (await connectAdmin(cli)).send({
    channel: options.channel,
    ...(options.account !== undefined && { account: options.account }),
    conversation: { id: options.to, type: options.group ? "group" : "direct" },
    segments: [{ type: options.markdown === undefined ? "text" : "markdown", text }],
    waitMs,
  });
  await cli.out.document(answer, () => answerText(answer));
  if (!answer.settled) return EXIT.timedOut;
  return answer.settled.state === "sent" ? EXIT.ok : EXIT.failed;
}

function answerText({ ids, settled, ms }: SendAnswer): string {
  const id = ids.join(",");
  const took = `${ms.toFixed(1)} ms`;
  if (!settled) return `${id}  pending  ${took}`;
  if (settled.state === "dead") return `${id}  dead  ${settled.reason}  ${settled.detail}  ${took}`;
  return `${id}  sent  ${settled.result.platformId ?? "-"}  ${took}`;
}
