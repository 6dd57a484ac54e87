import type { ErrorCode } from "../errors.ts";

/** Why a command could not do what it was asked, with what to do about it. */
export class Failure extends Error {
  readonly code: ErrorCode | "EADDRINUSE";
  readonly hint: string | undefined;

  constructor(code: Failure["code"], message: string, hint?: string, cause?: unknown) {
    super(message, { cause });
    this.name = "Failure";
    this.code = code;
    this.hint = hint;
  }
}

/** The command line asks for something that cannot be: exit code 2. */
export function usage(message: string, hint?: string): Failure {
  return new Failure("CLAWDBOT_ERR_INVALID", message, hint);
}
