/** An acknowledgement that came too early, or a message without one. */
export interface EarlyAnswer {
  text: string;
  why: "never written" | "not synced" | "never answered";
}

interface Rules {
  /** The unique texts of the messages. */
  texts: readonly string[];
  /** The texts of the messages that a write to a socket acknowledges; none for any other call. */
  acknowledged(line: string): string[];
}

const CALL = /^(\d+) +(?:<\.\.\. )?(\w+)/;
const TEXT = /c\d+-\d{6}/g;

/**
 * Reads the lines of `strace -f` and names every message that was acknowledged before a sync of what holds it had ended. A message is
 * written with the first `pwrite64` that carries its text; a sync covers what was written before it began.
 */
export async function earlyAnswers(
  lines: AsyncIterable<string> | Iterable<string>,
  { texts, acknowledged }: Rules,
): Promise<EarlyAnswer[]> {
  const wanted = new Set(texts);
  const written = new Set<string>();
  const synced = new Set<string>();
  const answered = new Set<string>();
  const early: EarlyAnswer[] = [];
  let unsynced: string[] = [];
  /** What the sync that a thread is in covers. */
  const covered = new Map<string, string[]>();

  for await (const line of lines) {
    const [, thread, name] = CALL.exec(line) ?? [];
    if (thread === undefined) continue;
    if (name === "fsync" || name === "fdatasync") {
      if (!line.includes(" resumed>")) {
        covered.set(thread, unsynced);
        unsynced = [];
      }
      if (line.includes("<unfinished ...>")) continue;
      const done = covered.get(thread) ?? [];
      covered.delete(thread);
      if (line.endsWith("= 0")) for (const text of done) synced.add(text);
      else unsynced.push(...done);
    } else if (name === "pwrite64") {
      for (const text of line.match(TEXT) ?? []) {
        if (!wanted.has(text) || written.has(text)) continue;
        written.add(text);
        unsynced.push(text);
      }
    } else {
      for (const text of acknowledged(line)) {
        if (answered.has(text)) continue;
        answered.add(text);
        if (!synced.has(text)) early.push({ text, why: written.has(text) ? "not synced" : "never written" });
      }
    }
  }
  return [...early, ...texts.filter((text) => !answered.has(text)).map((text) => ({ text, why: "never answered" as const }))];
}
