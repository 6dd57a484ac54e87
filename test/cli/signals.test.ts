import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** A process that listens to signals like the daemon and then runs `script`. */
async function daemonThat(script: string): Promise<{ code: number | null; stderr: string }> {
  const program = `
    import { createLog } from "${SRC}/observe/log.ts";
    import { handleSignals } from "${SRC}/cli/signals.ts";
    const log = createLog({ level: "info", stream: (line) => console.error(line), clock: { now: Date.now } });
    let reloads = 0;
    const reload = async () => { if (++reloads > 1) throw new Error("line 3 is wrong"); };
    let now = 0;
    const { stopAsked, stop } = handleSignals({ log, reload, clock: { monotonic: () => now } });
    const signal = async (name, after = 0) => {
      now += after;
      process.emit(name);
      await new Promise(setImmediate);
    };
    setInterval(() => {}, 1000);
    ${script}`;
  const child = spawn(process.execPath, ["--conditions=source", "--input-type=module", "--eval", program], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  return await new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })));
}

test("the first SIGTERM asks to stop", async () => {
  const { code, stderr } = await daemonThat(`process.kill(process.pid, "SIGTERM"); await stopAsked; process.exit(0);`);
  expect(code).toBe(0);
  expect(stderr).toContain("told to stop signal=SIGTERM");
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
])("a second %s ends the process at once with %i", async (name, status) => {
  expect((await daemonThat(`await signal("${name}"); await stopAsked; await signal("${name}", 150);`)).code).toBe(status);
});

test("a signal that a launcher passes on in the same moment is not a second one", async () => {
  expect((await daemonThat(`await signal("SIGINT"); await signal("SIGINT", 99); process.exit(0);`)).code).toBe(0);
});

test("the admin API can ask as well", async () => {
  expect((await daemonThat(`stop(); await stopAsked; process.exit(0);`)).code).toBe(0);
});

test("SIGHUP reloads; what cannot be reloaded is said and ends nothing", async () => {
  const { code, stderr } = await daemonThat(`await signal("SIGHUP"); await signal("SIGHUP"); process.exit(0);`);
  expect(code).toBe(0);
  expect(stderr).toMatch(/INFO daemon permissions reloaded\n.*ERROR daemon permissions not reloaded.* error=line\\s3\\sis\\swrong/);
});

test.each(["setImmediate(() => { throw new Error('boom') });", "Promise.reject(new Error('boom'));"])(
  "what nobody caught is logged with its stack and ends the daemon with 1: %s",
  async (script) => {
    const { code, stderr } = await daemonThat(script);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ERROR daemon uncaught error, the daemon ends error=boom stack=\S+at\S+/);
  },
);
