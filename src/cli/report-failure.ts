import { CommanderError } from "commander";
import { ConfigError, type Problem } from "../config/problem.ts";
import { errorCode, errorText } from "../errors.ts";
import { inLanguage } from "../skill.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { language, say } from "./language.ts";
import type { Streams } from "./output.ts";

/**
 * Tells why a command failed and resolves with its exit code: on stderr for people, as one JSON document on stdout for programs.
 * Goes by the arguments as they were typed, since it is they that may not have been understood.
 */
export async function reportFailure(error: unknown, args: string[], { stdout, stderr }: Streams): Promise<ExitCode> {
  const wantsJson = args.some((arg, index) => arg === "--json" || /^(nd)?json$/.test(givenTo("--format", args, index)));
  const exit = error instanceof CommanderError ? EXIT.usage : exitCodeOf(error);
  if (wantsJson) stdout.write(`${JSON.stringify({ ok: false, error: await forPrograms(error) })}\n`);
  else if (!isHelp(error)) stderr.write(`${await forPeople(error)}\n`);
  if (args.includes("-v") || args.includes("--verbose")) stderr.write(`${(error as Error).stack}\n`);
  return exit;
}

function givenTo(option: string, args: string[], index: number): string {
  const arg = args[index]!;
  if (arg.startsWith(`${option}=`)) return arg.slice(option.length + 1);
  return args[index - 1] === option ? arg : "";
}

async function forPeople(error: unknown): Promise<string> {
  if (error instanceof ConfigError) return (await import("../config/format-problems.ts")).formatProblems(error.problems, language);
  const hint = error instanceof Failure && error.hint ? `\n${say({ zh: "提示", en: "hint" })}: ${error.hint}` : "";
  return `${say({ zh: "错误", en: "error" })}: ${messageOf(error)}${hint}`;
}

async function forPrograms(error: unknown): Promise<object> {
  if (error instanceof CommanderError) return { code: "CLAWDBOT_ERR_INVALID", message: messageOf(error), hint: "clawdbot --help" };
  const about = { code: errorCode(error), message: messageOf(error) };
  if (error instanceof ConfigError) return { ...about, problems: error.problems.map(problemForPrograms) };
  return error instanceof Failure && error.hint ? { ...about, hint: error.hint } : about;
}

export function problemForPrograms({ at, path, message, hint }: Problem): object {
  const place = typeof at === "string" ? { origin: at } : at && { file: at.file, line: at.line, column: at.column };
  return { ...place, path, message: inLanguage(message, language), ...(hint && { hint: inLanguage(hint, language) }) };
}

/** A group of commands was called without one: commander has shown its help on stderr. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

function messageOf(error: unknown): string {
  if (isHelp(error)) return say({ zh: "缺少子命令", en: "a command is missing" });
  if (!(error instanceof CommanderError)) return errorText(error);
  const message = error.message.replace(/^error: /, "");
  return say({ zh: inChinese(message), en: message });
}

const CHINESE: [RegExp, string][] = [
  [/^unknown command '(.*?)'/, "未知命令 '$1'"],
  [/^unknown option '(.*?)'/, "未知选项 '$1'"],
  [/^missing required argument '(.*?)'/, "缺少参数 '$1'"],
  [/^required option '(.*?)' not specified/, "缺少选项 '$1'"],
  [/^option '(.*?)' argument missing/, "选项 '$1' 缺少值"],
  [/^option '(.*?)' cannot be used with option '(.*?)'/, "选项 '$1' 不能与 '$2' 同时使用"],
  [/^option '(.*?)' argument '(.*?)' is invalid\. (?:Allowed choices are (.*)\.)?/, "选项 '$1' 的值 '$2' 无效：$3"],
  [/^too many arguments(?: for '(.*?)')?\. Expected .*/, "参数太多"],
  [/\(Did you mean (.*?)\?\)/, "（是否想用 $1？）"],
  [/\(Did you mean one of (.*?)\?\)/, "（是否想用其中之一：$1？）"],
];

function inChinese(message: string): string {
  return CHINESE.reduce((text, [english, chinese]) => text.replace(english, chinese), message);
}
