import { type Clock, systemClock } from "../clock.ts";
import { errorText } from "../errors.ts";
import type { Log } from "../observe/log.ts";

/** Ctrl-C in a terminal reaches the daemon both directly and through a launcher that passes it on: within this, the two are one. */
const SAME_SIGNAL_MS = 100;

const STATUS = { SIGTERM: 143, SIGINT: 130 } as const;

/**
 * Listens to the operating system: SIGTERM and SIGINT ask to stop and, the second time, end the process at once; SIGHUP reloads,
 * SIGUSR2 reopens the log file after a logrotate. What nobody caught is logged and ends the process with 1.
 */
export function handleSignals(on: { log: Log; reload(): Promise<void>; clock?: Pick<Clock, "monotonic"> }): {
  stopAsked: Promise<void>;
  stop(): void;
} {
  const { log, reload, clock = systemClock } = on;
  const own = log.logger("daemon");
  let stop: () => void = () => {};
  const stopAsked = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let first: number | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      const now = clock.monotonic();
      if (first !== undefined && now - first < SAME_SIGNAL_MS) return;
      if (first !== undefined) end(STATUS[signal]);
      first = now;
      own.info("told to stop", { signal });
      stop();
    });
  }
  process.on("SIGHUP", () => {
    reload().then(
      () => own.info("permissions reloaded"),
      (error: unknown) => own.error("permissions not reloaded, the old ones stay in force", { error: errorText(error) }),
    );
  });
  process.on("SIGUSR2", log.reopen);
  // Also hears of rejections that nobody handled.
  process.on("uncaughtException", (error) => {
    own.error("uncaught error, the daemon ends", { error: errorText(error), stack: error?.stack });
    end(1);
  });

  function end(status: number): never {
    log.flush();
    process.exit(status);
  }

  return { stopAsked, stop: () => stop() };
}
