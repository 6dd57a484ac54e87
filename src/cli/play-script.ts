import { sleep, systemClock } from "../clock.ts";
import { type Exchange, parseScript } from "./chat-script.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";
import type { Connect } from "./talk.ts";

/** How long an answer is waited for. */
const ANSWER_MS = 15_000;

interface Played extends Exchange {
  ok: boolean;
  got: string[];
}

/** Plays a script, one exchange after the other, and prints how it went as TAP (https://testanything.org/tap-version-14-specification.html). */
export async function playScript({ out }: Cli, script: string, connect: Connect): Promise<ExitCode> {
  const exchanges = parseScript(script);
  if (exchanges.length === 0) throw usage(say({ zh: "脚本是空的", en: "the script is empty" }), "clawdbot chat --help");
  let asked = "";
  let got: string[] = [];
  let heard = () => {};
  const talk = await connect({
    reply({ replyTo, text }) {
      if (replyTo !== asked) return;
      got.push(...linesOf(text));
      heard();
    },
  });

  const played: Played[] = [];
  for (const exchange of exchanges) {
    asked = talk.newId();
    got = [];
    const enough = new AbortController();
    heard = () => got.length >= exchange.expect.length && enough.abort();
    await talk.send(asked, exchange.say);
    if (got.length < exchange.expect.length) await sleep(systemClock, ANSWER_MS, enough.signal).catch(() => {});
    const ok = exchange.expect.length === 0 || got.join("\n") === exchange.expect.join("\n");
    played.push({ ...exchange, ok, got });
  }
  await out.document(played, () => tap(played));
  if (played.every((one) => one.ok)) return EXIT.ok;
  return played.some((one) => !one.ok && one.got.length > 0) ? EXIT.failed : EXIT.timedOut;
}

/** As a script can write them: neither blanks at the ends nor empty lines. */
function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function tap(played: Played[]): string {
  const tests = played.flatMap(({ ok, say: said, expect, got }, index) => {
    const head = `${ok ? "ok" : "not ok"} ${index + 1} - ${said.replaceAll("#", "\\#")}`;
    const diagnosis = ["  ---", `  expected: ${JSON.stringify(expect)}`, `  got: ${JSON.stringify(got)}`, "  ..."];
    return ok ? [head] : [head, ...diagnosis];
  });
  return ["TAP version 14", `1..${played.length}`, ...tests].join("\n");
}
