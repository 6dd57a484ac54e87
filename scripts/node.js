import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { handOver } from "../bin/hand-over.js";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** The Node.js that the project pins, else this one if that is new enough. Ends the process when there is neither. */
export function node() {
  const pinned = join(root, "node_modules/node/bin/node");
  if (existsSync(pinned)) return pinned;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(
    `Node.js 22.18 or newer is needed, this is ${process.version}. The pinned one is missing: its install script was blocked (npm's ignore-scripts?).\n` +
      "Run `npm rebuild node --ignore-scripts=false`, or install Node.js 24.",
  );
}

/** The program and arguments that run the command of an installed package. */
export function tool(name) {
  return [node(), join(root, "node_modules/.bin", name)];
}

/** Becomes another program, or, on a Node.js that cannot, stands in for it. */
export function become(program, args) {
  process.chdir(root);
  if (process.execve) process.execve(program, [program, ...args], process.env);
  else handOver(program, args);
}

export function fail(text) {
  console.error(text);
  process.exit(1);
}
