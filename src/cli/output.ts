import { createPaint, type Paint } from "./colour.ts";

export const FORMATS = ["table", "json", "ndjson", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

/** What a command says: data to stdout, talk to stderr, so that a pipe carries data alone. */
export interface Output {
  readonly format: Format;
  /** Colours of stdout. */
  readonly paint: Paint;
  /** Whether a person can be asked and shown things that move. */
  readonly interactive: boolean;
  /** Prints one document in the format asked for; `people` makes the text for the format "table". */
  document(value: unknown, people: () => string): Promise<void>;
  /** Prints a line of data as it is. */
  line(text: string): void;
  /** Says something beside the data; --quiet silences it. */
  talk(text: string): void;
}

export interface OutputOptions {
  format: Format;
  quiet: boolean;
  /** undefined: only on a terminal. */
  colour: boolean | undefined;
}

/** Where a command's words go; the process itself has them. */
export interface Streams {
  stdin: { isTTY?: boolean };
  stdout: Stream;
  stderr: Stream;
}

interface Stream {
  isTTY?: boolean;
  write(text: string): unknown;
}

export function createOutput(options: OutputOptions, { stdin, stdout, stderr }: Streams): Output {
  const line = (text: string) => void stdout.write(`${text}\n`);
  return {
    format: options.format,
    paint: createPaint(options.colour ?? stdout.isTTY === true),
    interactive: stdin.isTTY === true && stdout.isTTY === true,
    line,
    talk(text) {
      if (!options.quiet) stderr.write(`${text}\n`);
    },
    async document(value, people) {
      switch (options.format) {
        case "json":
          return line(JSON.stringify(value, null, 2));
        case "ndjson":
          for (const one of Array.isArray(value) ? value : [value]) line(JSON.stringify(one));
          return;
        case "yaml":
          return void stdout.write((await import("yaml")).stringify(value));
        case "table": {
          const text = people();
          if (text) line(text);
        }
      }
    },
  };
}

/** Ends the process in silence when the reader of a pipe has gone: `clawdbot log show | head -1`. */
export function quietOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
}
