import { systemClock } from "../clock.ts";
import type { Trace } from "../storage/storage.ts";
import type { Cli } from "./cli.ts";
import type { Paint } from "./colour.ts";
import { storeOrDaemon } from "./daemon.ts";
import { parseTime, showTime } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";

export interface TraceOptions {
  last?: string;
  conversation?: string;
  channel?: string;
  lines: number;
}

/** Shows the way of one message, or of the last ones, step by step. Oldest first, so that the newest stands next to the prompt. */
export async function trace(cli: Cli, id: string | undefined, options: TraceOptions): Promise<ExitCode> {
  const since = options.last === undefined ? undefined : parseTime(options.last, systemClock.now());
  const store = await storeOrDaemon(cli);
  try {
    if (id !== undefined) {
      const found = await store.api.trace({ id });
      await cli.out.document(found, () => traceText(found, cli.out.paint));
      return EXIT.ok;
    }
    const newestFirst = await store.api.traces({
      ...(since !== undefined && { since }),
      ...(options.conversation !== undefined && { conversation: options.conversation }),
      ...(options.channel !== undefined && { channel: options.channel }),
      limit: options.lines,
    });
    const traces = newestFirst.reverse();
    await cli.out.document(traces, () => traces.map((one) => traceText(one, cli.out.paint)).join("\n"));
    if (traces.length === 0) cli.out.talk(say({ zh: "没有消息", en: "no messages" }));
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

/** A head line, then one line per step: when it began after the message's arrival, what it was, how long it took. */
export function traceText(trace: Trace, paint: Paint): string {
  const finished = trace.steps.at(-1);
  const handled = finished ? finished.at + finished.ms : 0;
  const settled = trace.replies.flatMap((reply) => (reply.at === null ? [] : [reply.at - trace.receivedAt]));
  const outcome = trace.outcome ?? trace.state;
  const head = [
    showTime(trace.receivedAt),
    paint.bold(trace.id),
    `${trace.channel}/${trace.account}`,
    trace.sender,
    trace.conversation,
    outcome === "replied" || outcome === "silent" ? paint.green(outcome) : paint.yellow(outcome),
    trace.reason ?? "-",
    `${round(Math.max(handled, ...settled))} ms`,
  ].join("  ");
  const lines = [head];
  const step = (at: number, text: string) => lines.push(`  ${paint.dim(`+${round(at)}`.padStart(9))}  ${text}`);

  for (const one of trace.steps) step(one.at, [one.step, one.note, `${round(one.ms)} ms`].filter(Boolean).join(" "));
  if (trace.detail) lines.push(`             ${trace.detail}`);
  let before = handled;
  for (const reply of trace.replies) {
    const at = reply.at === null ? before : reply.at - trace.receivedAt;
    const took = reply.at === null ? "" : `${round(Math.max(0, at - before))} ms`;
    const how = [reply.state, took, reply.platformId, reply.state === "sent" ? null : reply.reason, reply.detail];
    if (reply.attempts > 1) how.push(`attempts ${reply.attempts}`);
    step(before, `deliver ${how.filter(Boolean).join(" ")}`);
    before = at;
  }
  if (trace.duplicates > 0) lines.push(`             duplicate suppressed ×${trace.duplicates}`);
  return lines.join("\n");
}

function round(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
}
