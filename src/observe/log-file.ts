import { fstatSync, mkdirSync, openSync, readSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import sonicBoom, { type SonicBoom } from "sonic-boom";

/** What sonic-boom's types do not say of its contentMode "buffer", in which a line costs a third. */
interface BufferBoom extends Omit<SonicBoom, "write"> {
  write(data: Buffer): boolean;
}

/** A file that lines are appended to: buffered, on disk within a second, rotated by size, never in the way of the program. */
export interface LogFile {
  /** Takes a line without its end. Must not throw: what cannot be written is reported once and dropped when 8 MiB wait. */
  write(line: string): void;
  /** Writes everything now and waits for it: for the last words of a process. */
  flush(): void;
  /** Goes on in a new file of the same name, for an outside logrotate that moved the old one away. */
  reopen(): void;
  close(): Promise<void>;
}

export interface LogFileOptions {
  path: string;
  /** Rotated before it grows beyond this many bytes. */
  maxBytes: number;
  /** Files kept in all: path, path.1 (younger) … path.(files - 1). */
  files: number;
  /** Called when writing begins to fail, and again only after it has worked in between. */
  onError(error: Error): void;
}

const BUFFER = 4096;
const FLUSH_MS = 1000;
const LONGEST_BACKLOG = 8 * 1024 * 1024;

/** Opens nothing before the first line. */
export function createLogFile({ path, maxBytes, files, onError }: LogFileOptions): LogFile {
  let stream: BufferBoom | undefined;
  let size = 0;
  let failing = false;
  let closed = false;

  function failed(error: Error): void {
    if (!failing) onError(error);
    failing = true;
  }

  function open(): BufferBoom | undefined {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const fd = openSync(path, "a+", 0o600);
      size = fstatSync(fd).size;
      const about = { fd, contentMode: "buffer", minLength: BUFFER, periodicFlush: FLUSH_MS, maxLength: LONGEST_BACKLOG } as const;
      const opened = new sonicBoom.SonicBoom(about) as unknown as BufferBoom;
      opened.on("error", failed);
      opened.on("write", () => {
        failing = false;
      });
      if (endsTorn(fd, size)) opened.write(Buffer.from("\n"));
      process.removeListener("exit", flush).once("exit", flush);
      return opened;
    } catch (error) {
      failed(error as Error);
      return undefined;
    }
  }

  function rotate(): void {
    stream?.end();
    try {
      for (let n = files - 1; n > 0; n--) moveIfThere(n === 1 ? path : `${path}.${n - 1}`, `${path}.${n}`);
    } catch (error) {
      failed(error as Error);
    }
    stream = open();
    // Also after a failure: the next try comes a whole file later, not with the next line.
    size = 0;
  }

  function flush(): void {
    try {
      stream?.flushSync();
    } catch (error) {
      failed(error as Error);
    }
  }

  return {
    write(line) {
      if (closed) return;
      const data = Buffer.from(`${line}\n`);
      stream ??= open();
      if (size > 0 && size + data.length > maxBytes) rotate();
      size += data.length;
      stream?.write(data);
    },
    flush,
    reopen() {
      stream?.end();
      stream = undefined;
    },
    async close() {
      closed = true;
      process.removeListener("exit", flush);
      const closing = stream;
      stream = undefined;
      if (!closing) return;
      await new Promise<void>((resolve) => {
        closing.once("close", resolve).once("error", () => resolve());
        closing.end();
      });
    },
  };
}

/** A process that was killed while it wrote left a line without an end: the next one must not continue it. */
function endsTorn(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
