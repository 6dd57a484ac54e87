/**
 * Every error that this program throws on purpose. An error's code is stable, free of language, and a row in docs/errors.md
 * says what the operator should do. A message never holds a user's text or a secret.
 */

export type ErrorCode =
  | "CLAWDBOT_ERR_CONFIG"
  | "CLAWDBOT_ERR_DAEMON_RUNNING"
  | "CLAWDBOT_ERR_DAEMON_UNREACHABLE"
  | "CLAWDBOT_ERR_DELIVERY_REJECTED"
  | "CLAWDBOT_ERR_DELIVERY_RATE_LIMITED"
  | "CLAWDBOT_ERR_EXISTS"
  | "CLAWDBOT_ERR_FORBIDDEN_ADDRESS"
  | "CLAWDBOT_ERR_INVALID"
  | "CLAWDBOT_ERR_NOT_FOUND"
  | "CLAWDBOT_ERR_NOT_GRANTED"
  | "CLAWDBOT_ERR_OVERLOADED"
  | "CLAWDBOT_ERR_PLATFORM"
  | "CLAWDBOT_ERR_SKILL"
  | "CLAWDBOT_ERR_SKILL_TIMEOUT"
  | "CLAWDBOT_ERR_STOPPING"
  | "CLAWDBOT_ERR_STORAGE"
  | "CLAWDBOT_ERR_STORAGE_FULL"
  | "CLAWDBOT_ERR_TIMEOUT"
  | "CLAWDBOT_ERR_UNREACHABLE"
  | "CLAWDBOT_ERR_VERIFY";

export class ClawdbotError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** An inbound request did not prove where it comes from. The server answers every one of these with the same 403. */
export class VerifyError extends ClawdbotError {
  /** reason goes to the log and the metrics, never to the caller. */
  readonly reason: string;

  constructor(reason: string) {
    super("CLAWDBOT_ERR_VERIFY", `inbound request refused: ${reason}`);
    this.reason = reason;
  }
}

/** The daemon has no room (or no disk, or is stopping): the message was not taken, the platform must send again. */
export class OverloadedError extends ClawdbotError {
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs = 5000) {
    super("CLAWDBOT_ERR_OVERLOADED", `message refused: ${reason}`, { retryable: true });
    this.retryAfterMs = retryAfterMs;
  }
}

/** The platform asks to wait. Waiting is not a failed attempt. */
export class RateLimitError extends ClawdbotError {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, message = "the platform's rate limit was reached") {
    super("CLAWDBOT_ERR_DELIVERY_RATE_LIMITED", message, { retryable: true });
    this.retryAfterMs = retryAfterMs;
  }
}

/** The platform will never take this reply: it goes to the dead letters at once. */
export class RejectedError extends ClawdbotError {
  /** The platform's own code, for the trace. */
  readonly platformCode: string | undefined;

  constructor(message: string, platformCode?: string | number, cause?: unknown) {
    super("CLAWDBOT_ERR_DELIVERY_REJECTED", message, { cause });
    this.platformCode = platformCode === undefined ? undefined : String(platformCode);
  }
}

/** The call surely did not reach its peer (refused, no route, no name): trying again cannot do it twice. */
export class UnreachableError extends ClawdbotError {
  constructor(message: string, cause?: unknown) {
    super("CLAWDBOT_ERR_UNREACHABLE", message, { retryable: true, cause });
  }
}

/** The store did not take a write. Nothing of it was kept. */
export class StorageError extends ClawdbotError {
  constructor(message: string, options: { full?: boolean; cause?: unknown } = {}) {
    super(options.full ? "CLAWDBOT_ERR_STORAGE_FULL" : "CLAWDBOT_ERR_STORAGE", message, { retryable: true, cause: options.cause });
  }
}

/** Anything thrown, as one line for a log or a trace. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stable code of anything thrown: ours, Node's (ECONNREFUSED), else "unknown". */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown";
}
