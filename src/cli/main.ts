import { readEnvironment } from "../config/environment.ts";
import { quietOnBrokenPipe } from "./output.ts";
import { runCommand } from "./run-command.ts";

quietOnBrokenPipe();
process.exit(await runCommand(process.argv.slice(2), readEnvironment(), process));
