import { readEnvironment } from "../config/environment.ts";
import { quietOnBrokenPipe } from "./output.ts";
import { runCommand } from "./run-command.ts";

quietOnBrokenPipe();
const code = await runCommand(process.argv.slice(2), readEnvironment(), process);
// What is written to a pipe may still be on its way, and ending the process would cut it off.
for (const stream of [process.stdout, process.stderr]) await new Promise<void>((resolve) => stream.write("", () => resolve()));
process.exit(code);
