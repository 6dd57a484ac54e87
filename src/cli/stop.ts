import { readFileSync } from "node:fs";
import { sleep, systemClock } from "../clock.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin, findDataDir, isListening } from "./daemon.ts";
import { durationOf } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { say } from "./language.ts";

/** Asks the daemon to drain and resolves once its process has ended. */
export async function stop(cli: Cli, options: { wait: string }): Promise<ExitCode> {
  const waitMs = durationOf(options.wait);
  const dataDir = await findDataDir(cli);
  const { pid } = await (await connectAdmin(cli)).stop();
  const started = systemClock.monotonic();
  while ((await isListening(dataDir)) || isAlive(pid)) {
    if (systemClock.monotonic() - started > waitMs) {
      throw new Failure(
        "CLAWDBOT_ERR_TIMEOUT",
        say({ zh: `pid ${pid} 在 ${options.wait} 内没有退出`, en: `pid ${pid} did not end within ${options.wait}` }),
        say({ zh: "它可能还在收尾；可用 --wait 等更久", en: "it may still be draining; wait longer with --wait" }),
      );
    }
    await sleep(systemClock, 20);
  }
  await cli.out.document({ ok: true, pid }, () => say({ zh: `已停止，pid ${pid}`, en: `stopped, pid ${pid}` }));
  return EXIT.ok;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Ended, but its parent has not taken note: in a container whose first process does not do so, for ever. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
