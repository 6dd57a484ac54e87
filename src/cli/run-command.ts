import { CommanderError } from "commander";
import type { Environment } from "../config/environment.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Streams } from "./output.ts";
import { createProgram } from "./program.ts";

/** Runs one command line; resolves with the exit code and never rejects. */
export async function runCommand(args: string[], environment: Environment, streams: Streams): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram(environment, streams, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // Help and version have been printed by now.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    return (await import("./report-failure.ts")).reportFailure(error, args, streams);
  }
}
