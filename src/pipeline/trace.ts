import type { Clock } from "../clock.ts";
import type { Message } from "../message.ts";
import type { TraceStep } from "../storage/storage.ts";

/** Collects the steps of one message while it is handled. */
export interface TraceLog {
  readonly steps: TraceStep[];
  /** Ends a step that began where the last one ended. */
  mark(step: TraceStep["step"], note?: string): void;
}

/** acceptMs: how long the store took to accept the message, when this process did so. */
export function startTrace(message: Message, acceptMs: number | undefined, clock: Clock): TraceLog {
  const steps: TraceStep[] = [];
  if (acceptMs !== undefined) steps.push({ step: "accept", at: 0, ms: round(acceptMs) });
  const at = Math.max(0, clock.now() - message.receivedAt);
  const start = clock.monotonic();
  let last = start;
  return {
    steps,
    mark(step, note) {
      const now = clock.monotonic();
      const entry: TraceStep = { step, at: round(at + (last - start)), ms: round(now - last) };
      if (note !== undefined) entry.note = note;
      steps.push(entry);
      last = now;
    },
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
