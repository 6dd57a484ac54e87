import type { ChannelState } from "../adapters/host.ts";
import type { Clock } from "../clock.ts";
import { errorCode } from "../errors.ts";

export interface Readiness {
  ready: boolean;
  reasons: string[];
}

/** How long a store may take to write before it counts as not taking writes, and how long an answer is reused. */
const PROBE_MS = 1000;
const FRESH_MS = 250;

/**
 * Red while the daemon starts or stops, while a configured channel is not receiving, and while the store does not take a write.
 * Asked as often as one likes: the store is written at most four times a second for it.
 */
export function createReadiness(on: {
  clock: Clock;
  phase(): string;
  channels(): ChannelState[];
  probe(): Promise<void>;
}): () => Promise<Readiness> {
  let known: { at: number; problem: Promise<string | undefined> } | undefined;

  async function storeProblem(): Promise<string | undefined> {
    let timer: ReturnType<Clock["setTimeout"]> | undefined;
    const slow = new Promise<string>((resolve) => {
      timer = on.clock.setTimeout(() => resolve(`storage: no write in ${PROBE_MS} ms`), PROBE_MS);
    });
    const probe = on.probe().then(
      () => undefined,
      (error: unknown) => `storage: ${errorCode(error)}`,
    );
    return await Promise.race([probe, slow]).finally(() => on.clock.clearTimeout(timer));
  }

  return async () => {
    const phase = on.phase();
    if (phase !== "running") return { ready: false, reasons: [phase] };
    const now = on.clock.monotonic();
    if (!known || now - known.at > FRESH_MS) known = { at: now, problem: storeProblem() };
    const problem = await known.problem;
    const reasons = on
      .channels()
      .filter((state) => !state.receiving)
      .map((state) => `${state.channel}/${state.account}: ${state.detail || "not receiving"}`);
    if (problem) reasons.unshift(problem);
    return { ready: reasons.length === 0, reasons };
  };
}
