import type { Clock } from "../clock.ts";
import type { LogFields, Logger } from "../skill.ts";
import { createLineFormat, escapeWord, type LogLevel } from "./format-line.ts";
import { createLogFile } from "./log-file.ts";
import { atLeast } from "./parse-line.ts";
import { createRedactor, type Redactor } from "./redactor.ts";

export interface LogOptions {
  level: LogLevel;
  /** Kept as five files of 10 MiB: file, file.1 … file.4. */
  file?: string | undefined;
  /** Told every line, without its end: the terminal. */
  stream?: ((line: string) => void) | undefined;
  clock: Pick<Clock, "now">;
}

/** Where the daemon says what it does: one line per event, in one format (format-line.ts), with the secrets masked. */
export interface Log extends Redactor {
  /** A part's own logger. One below the level costs nothing. */
  logger(component: string): Logger;
  /** Writes what is buffered and waits for it. Called by itself when the process exits, also by an uncaught error. */
  flush(): void;
  /** Goes on in a new file, after an outside logrotate moved the old one away (SIGUSR2). */
  reopen(): void;
  close(): Promise<void>;
}

const FILE_BYTES = 10 * 1024 * 1024;
const FILES = 5;

const nothing = (): void => {};

export function createLog({ level: threshold, file: path, stream, clock }: LogOptions): Log {
  const redactor = createRedactor();
  const formatLine = createLineFormat(redactor.redact);
  const file = path === undefined ? undefined : createLogFile({ path, maxBytes: FILE_BYTES, files: FILES, onError: reportFile });

  function reportFile(error: Error): void {
    stream?.(formatLine(clock.now(), "error", "log", "log file cannot be written", { path, error: error.message }));
  }

  function at(level: LogLevel, component: string): (message: string, fields?: LogFields) => void {
    if (!atLeast(level, threshold)) return nothing;
    return (message, fields) => {
      const line = formatLine(clock.now(), level, component, message, fields);
      file?.write(line);
      stream?.(line);
    };
  }

  return {
    ...redactor,
    logger(name) {
      const component = escapeWord(name);
      return { debug: at("debug", component), info: at("info", component), warn: at("warn", component), error: at("error", component) };
    },
    flush: () => file?.flush(),
    reopen: () => file?.reopen(),
    close: async () => file?.close(),
  };
}
