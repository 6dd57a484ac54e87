import { errorCode } from "../errors.ts";

/** What the exit code of every command means; scripts rely on it. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  denied: 5,
  conflict: 6,
  timedOut: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const byError: Record<string, ExitCode> = {
  CLAWDBOT_ERR_CONFIG: EXIT.usage,
  CLAWDBOT_ERR_INVALID: EXIT.usage,
  CLAWDBOT_ERR_NOT_FOUND: EXIT.notFound,
  CLAWDBOT_ERR_DAEMON_UNREACHABLE: EXIT.unreachable,
  CLAWDBOT_ERR_UNREACHABLE: EXIT.unreachable,
  CLAWDBOT_ERR_VERIFY: EXIT.denied,
  CLAWDBOT_ERR_FORBIDDEN_ADDRESS: EXIT.denied,
  CLAWDBOT_ERR_NOT_GRANTED: EXIT.denied,
  CLAWDBOT_ERR_DAEMON_RUNNING: EXIT.conflict,
  CLAWDBOT_ERR_EXISTS: EXIT.conflict,
  CLAWDBOT_ERR_TIMEOUT: EXIT.timedOut,
};

/** The exit code for anything thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  return byError[errorCode(error)] ?? EXIT.failed;
}
