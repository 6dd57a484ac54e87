import { writeSync } from "node:fs";

/**
 * Writes lines to stderr, all that come in one turn of the event loop with one system call: a busy daemon logs thousands a second.
 * What is left when the process ends is written then. A reader that is gone is no reason to stop.
 */
export function terminalLines(): (line: string) => void {
  let text = "";
  const flush = () => {
    const lines = text;
    text = "";
    if (lines !== "") process.stderr.write(lines);
  };
  process.on("exit", () => {
    try {
      writeSync(process.stderr.fd, text);
    } catch {
      // nobody reads it
    }
  });
  return (line) => {
    if (text === "") setImmediate(flush);
    text += `${line}\n`;
  };
}
