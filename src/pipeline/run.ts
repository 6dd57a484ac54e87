import type { Clock } from "../clock.ts";
import { ClawdbotError } from "../errors.ts";
import type { Message, Segment } from "../message.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { SkillContext, SkillReply } from "../skill.ts";
import type { Candidate } from "./route.ts";

export interface RunParts {
  clock: Clock;
  metrics: Metrics;
  /** performance.skill_timeout, ms */
  skillTimeout: number;
  /** The rest of the skill's context: what reaches into the gateway. */
  context(message: Message, candidate: Candidate): Omit<SkillContext, "signal" | "reply">;
}

/**
 * Asks one skill, for at most skillTimeout, and resolves with the contents of its replies; null when the message is not the skill's.
 * What the skill does after its deadline is dropped. Must not be called without a permit for the skill.
 */
export async function run(candidate: Candidate, message: Message, on: RunParts): Promise<Segment[][] | null> {
  const { skill } = candidate;
  const started = on.clock.monotonic();
  const replies: Segment[][] = [];
  let late: ClawdbotError | undefined;
  let deadline: AbortController | undefined;
  const context: SkillContext = {
    ...on.context(message, candidate),
    // Made when asked for: most skills never do, and it costs more than the rest of this function.
    get signal() {
      deadline ??= new AbortController();
      if (late) deadline.abort(late);
      return deadline.signal;
    },
    reply: (content) => {
      if (!late) add(content);
    },
  };
  function add(content: SkillReply): void {
    const segments = toSegments(content);
    if (segments.length > 0) replies.push(segments);
  }
  const seen = candidate.text === message.text ? message : { ...message, text: candidate.text };
  let outcome: "ok" | "error" | "timeout" = "error";
  let timer: ReturnType<Clock["setTimeout"]> | undefined;
  try {
    const answering = skill.handleMessage(seen, context);
    const answer =
      answering instanceof Promise
        ? await Promise.race([
            answering,
            new Promise<never>((_, reject) => {
              timer = on.clock.setTimeout(() => {
                outcome = "timeout";
                late = new ClawdbotError("CLAWDBOT_ERR_SKILL_TIMEOUT", `no answer in ${on.skillTimeout} ms`, { retryable: true });
                deadline?.abort(late);
                reject(late);
              }, on.skillTimeout);
            }),
          ])
        : answering;
    outcome = "ok";
    if (answer === null && replies.length === 0) return null;
    if (answer !== null) add(answer);
    return replies;
  } finally {
    if (timer) on.clock.clearTimeout(timer);
    on.metrics.skill(skill.name, outcome, (on.clock.monotonic() - started) / 1000);
  }
}

/** A skill's answer in the one form that is stored. Rejects what is not an answer, naming what it was. */
function toSegments(reply: SkillReply): Segment[] {
  if (typeof reply === "string") return reply === "" ? [] : [{ type: "text", text: reply }];
  if (Array.isArray(reply)) return reply;
  if (reply !== null && typeof reply === "object" && "type" in reply) {
    if (!("content" in reply)) return [reply];
    if (typeof reply.content === "string") return [{ type: reply.type, text: reply.content }];
  }
  throw new ClawdbotError("CLAWDBOT_ERR_SKILL", `the skill answered ${typeof reply}; answer a string, segments, or null`);
}
