import { until } from "../../src/testing/until.ts";
import type { Exit } from "./daemon.ts";
import type { Verdict } from "./oracle.ts";
import type { Stage } from "./stage.ts";
import { statusOf } from "./status.ts";
import { inspectStore } from "./store.ts";

export interface Settled {
  verdict: Verdict;
  /** What went wrong, in words: offences with their histories, an exit that is not clean, a store that is damaged or has work left. */
  problems: string[];
}

const TOLD = 5;

/** Lets the daemon answer all that it took, ends it as an operator would, and judges the whole run. */
export async function settle(stage: Stage, withinMs = 60_000): Promise<Settled> {
  // What is missing in the end is in the verdict with its history, or left over in the store.
  await until("all answers", () => isIdle(stage), withinMs).catch(() => {});
  const exit = await stage.stop();
  const verdict = stage.oracle.verdict();
  return { verdict, problems: [...offencesOf(verdict), ...endOf(exit), ...(await inspectStore(stage.dir))] };
}

/** Everything is answered, and noted so: a reply that is sent again after a crash may still be on its way to be hidden. */
export async function isIdle({ oracle, dir }: Stage): Promise<boolean> {
  if (oracle.unanswered().length > 0) return false;
  const status = await statusOf(dir);
  return status !== undefined && status.inbox + status.outbox === 0;
}

function offencesOf({ offences }: Verdict): string[] {
  const told = offences.slice(0, TOLD);
  return told.map(({ what, exchange, history }) => [`${what}: ${exchange.channel} ${exchange.text}`, ...history].join("\n  "));
}

function endOf({ code, signal }: Exit): string[] {
  return code === 0 ? [] : [`the daemon ended with ${signal ?? code} after SIGTERM`];
}
