/** `npm run check`: everything that can be said of the code without running it. All checks run, also after one has failed. */
import { spawn } from "node:child_process";
import { install } from "./install.js";
import { root, tool } from "./node.js";

install();
const checks = [
  ["format and lint", ...tool("biome"), "check", "--error-on-warnings", "--reporter=summary", "--colors=off"],
  ["types", ...tool("tsc"), "--noEmit"],
  ["boundaries", ...tool("vitest"), "run", "test/architecture", "--reporter=dot", "--no-color"],
  ["dead exports", ...tool("knip"), "--no-progress"],
];
const results = checks.map(([name, ...command]) => run(name, command));
let failed = 0;
for await (const { name, status, seconds, output } of results) {
  if (status !== 0) {
    failed++;
    console.log(`\n${output.trim()}\n`);
  }
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${name}  ${seconds} s`);
}
process.exitCode = failed === 0 ? 0 : 1;

function run(name, [program, ...args]) {
  const began = performance.now();
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ name, status, output, seconds: ((performance.now() - began) / 1000).toFixed(1) }));
  });
}
