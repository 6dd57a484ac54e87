const { spawn } = require("child_process");

const PASSED_ON = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];
const MARK = "CLAWDBOT_HANDED_OVER";

/** Runs a program in place of this process: on the same terminal, with the same signals, to the same end. */
function handOver(program, args) {
  const env = Object.assign({}, process.env, { [MARK]: "1" });
  const child = spawn(program, args, { stdio: ["inherit", "inherit", "inherit", "ipc"], env });
  for (const signal of PASSED_ON) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`cannot run ${program}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** In the program that was handed over to: SIGKILL cannot be passed on, so the end of the other process ends this one. */
function endWithLauncher() {
  const handedOver = process.env[MARK] && process.channel;
  delete process.env[MARK];
  if (!handedOver) return;
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

module.exports = { handOver, endWithLauncher };
