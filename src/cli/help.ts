import type { Command } from "commander";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";

const MEANING: Record<keyof typeof EXIT, { zh: string; en: string }> = {
  ok: { zh: "成功", en: "done" },
  failed: { zh: "失败，或检查有发现", en: "failed, or something was found" },
  usage: { zh: "用法或配置无效", en: "the command line or the configuration is invalid" },
  notFound: { zh: "找不到", en: "there is no such thing" },
  unreachable: { zh: "守护进程或对端不可达", en: "the daemon or a peer is out of reach" },
  denied: { zh: "被拒绝", en: "not allowed" },
  conflict: { zh: "冲突（版本、锁）", en: "conflict (version, lock)" },
  timedOut: { zh: "超时", en: "timed out" },
  interrupted: { zh: "被中断", en: "interrupted" },
};

/** Help on a command by its words, or on one of the topics. */
export async function help({ out }: Cli, program: Command, words: string[]): Promise<ExitCode> {
  if (words.join(" ") === "exit-codes") {
    const codes = Object.entries(MEANING).map(([name, text]) => ({ code: EXIT[name as keyof typeof EXIT], meaning: say(text) }));
    await out.document(codes, () => codes.map(({ code, meaning }) => `${String(code).padStart(3)}  ${meaning}`).join("\n"));
    return EXIT.ok;
  }
  let command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (!next) throw usage(say({ zh: `没有命令 ${words.join(" ")}`, en: `there is no command ${words.join(" ")}` }), "clawdbot --help");
    command = next;
  }
  out.line(command.helpInformation().trimEnd());
  return EXIT.ok;
}
