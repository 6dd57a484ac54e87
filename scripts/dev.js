/** `npm run dev -- OPTIONS`: the daemon from source, started again when a source changes. */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { join } from "node:path";
import { install } from "./install.js";
import { node, root } from "./node.js";

// A save touches several files, and an editor each of them several times.
const QUIET_MS = 200;

install();
let daemon;
let changed = false;
let ending = false;
let timer;
start();

for (const folder of ["src", "adapters", "skills"]) {
  watch(join(root, folder), { recursive: true }, (_, name) => {
    if (!name?.endsWith(".ts")) return;
    clearTimeout(timer);
    timer = setTimeout(restart, QUIET_MS);
  });
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => end(signal));

function start() {
  changed = false;
  daemon = spawn(node(), ["--conditions=source", "src/cli/main.ts", "start", ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
  daemon.on("exit", (code) => {
    daemon = undefined;
    if (ending) process.exit(code ?? 1);
    if (changed) start();
  });
}

function restart() {
  if (!daemon) return start();
  // Told once: the second time it would not drain.
  if (!changed) daemon.kill("SIGTERM");
  changed = true;
}

function end(signal) {
  if (!daemon) process.exit(0);
  ending = true;
  daemon.kill(signal);
}
