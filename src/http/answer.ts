import type { RouteHandler, RouteRequest, RouteResponse } from "../adapter.ts";
import type { Clock } from "../clock.ts";
import { errorCode, errorText, OverloadedError, StorageError, VerifyError } from "../errors.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Logger } from "../skill.ts";
import { createMinuteCounts } from "./minute-counts.ts";

export interface Answers {
  /**
   * What the first handler answers that does not throw VerifyError. Never rejects: refusals are all the same 403, want of room and
   * of storage is 503, anything else is 500; what went wrong is told to the log and the metrics, never to the caller.
   */
  ask(handlers: readonly RouteHandler[], request: RouteRequest): Promise<RouteResponse>;
  /** Notes an error that no caller is to blame for and answers 500. */
  failed(error: unknown): RouteResponse;
}

/** Lines per minute: for one peer's refused requests, for all of them, and for one kind of error. A flood must not fill the disk. */
const LINES_PER_PEER = 5;
const LINES = 100;
/** Refused requests per minute after which a peer has to connect anew for each further one. One that proves itself is always served. */
const PATIENCE = 20;

export function createAnswers(on: { clock: Clock; log: Logger; metrics: Pick<Metrics, "gate" | "error"> | undefined }): Answers {
  const refusals = createMinuteCounts(on.clock);
  const lines = createMinuteCounts(on.clock);

  function refused({ reason }: VerifyError, { path, remoteAddress: peer }: RouteRequest): RouteResponse {
    on.metrics?.gate("verify", "deny", reason);
    const count = refusals.add(peer);
    if (count <= LINES_PER_PEER && lines.add("refused") <= LINES) {
      on.log.warn("request refused", { path, peer, count, muted: count === LINES_PER_PEER || undefined, code: reason });
    }
    return count > PATIENCE ? FORBIDDEN_AND_CLOSE : FORBIDDEN;
  }

  function failed(error: unknown): RouteResponse {
    const code = errorCode(error);
    on.metrics?.error(code, "http");
    if (lines.add(code) <= LINES_PER_PEER) {
      const level = error instanceof OverloadedError ? "warn" : "error";
      on.log[level]("request failed", { error: errorText(error), code });
    }
    if (error instanceof OverloadedError) return unavailable(error.retryAfterMs);
    if (error instanceof StorageError) return unavailable(5000);
    return problem(500, "internal error");
  }

  return {
    async ask(handlers, request) {
      let refusal: VerifyError | undefined;
      for (const handler of handlers) {
        try {
          return await handler(request);
        } catch (error) {
          if (!(error instanceof VerifyError)) return failed(error);
          refusal = error;
        }
      }
      return refused(refusal!, request);
    },
    failed,
  };
}

/** An answer that says no more than it must. */
export function problem(status: number, error: string, headers: Record<string, string> = {}): RouteResponse {
  return { status, body: JSON.stringify({ error }), contentType: "application/json", headers };
}

export function unavailable(retryAfterMs: number): RouteResponse {
  return problem(503, "unavailable", { "Retry-After": String(Math.ceil(retryAfterMs / 1000)) });
}

const FORBIDDEN = problem(403, "forbidden");
const FORBIDDEN_AND_CLOSE = problem(403, "forbidden", { Connection: "close" });
