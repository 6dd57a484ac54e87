import { Command, InvalidArgumentError, Option } from "commander";
import type { Environment } from "../config/environment.ts";
import { version } from "../version.ts";
import type { SimulateOptions } from "./channel-simulate.ts";
import type { ChatOptions } from "./chat.ts";
import type { Cli, GlobalOptions } from "./cli.ts";
import type { ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";
import type { LogShowOptions } from "./log-show.ts";
import { createOutput, FORMATS, type Streams } from "./output.ts";
import type { SendOptions } from "./send.ts";
import type { StartOptions } from "./start.ts";
import type { StatusOptions } from "./status.ts";
import type { TraceOptions } from "./trace.ts";

/**
 * The tree of commands. A command's own file is loaded when it runs, so that help and version come at once: this file may import
 * nothing but commander and what is tiny. `ended` is told the exit code of the command that ran.
 */
export function createProgram(environment: Environment, streams: Streams, ended: (code: ExitCode) => void): Command {
  const program = globals(new Command("clawdbot"))
    .exitOverride()
    .configureOutput({ outputError() {}, writeOut: (text) => streams.stdout.write(text), writeErr: (text) => streams.stderr.write(text) })
    .version(version, "-V, --version", say({ zh: "显示版本号", en: "print the version" }))
    .description(say({ zh: "所有聊天群与企业系统之间的一个守护进程", en: "One daemon between every chat group and what a company runs." }))
    .helpOption("-h, --help", say({ zh: "显示帮助", en: "show help" }))
    .helpCommand(false)
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => say({ zh: TITLES[title] ?? title, en: title }) });

  /** Makes an action: it gets what every command gets, then the command's own arguments and options. */
  function does<Args extends unknown[]>(run: (cli: Cli, ...args: Args) => Promise<ExitCode>) {
    return async (...given: unknown[]): Promise<void> => {
      const options = globalOptions(given.pop() as Command);
      const format = options.format ?? (options.json ? "json" : "table");
      const colour = options.color === false ? false : environment.colour;
      const out = createOutput({ format, quiet: options.quiet ?? false, colour }, streams);
      ended(await run({ environment, options, out }, ...(given as Args)));
    };
  }

  command(program, "start", { zh: "启动守护进程", en: "start the daemon" })
    .aliases(["run", "serve"])
    .option("--host <host>", say({ zh: "监听地址", en: "address to listen on" }))
    .option("--port <port>", say({ zh: "监听端口，0 表示任意", en: "port to listen on, 0 for any" }))
    .option(
      "--set <path=value...>",
      say({ zh: "覆盖配置，如 log.level=debug", en: "override the configuration, as in log.level=debug" }),
      append,
    )
    .action(does(async (cli, options: StartOptions) => await (await import("./start.ts")).start(cli, options)));

  command(program, "stop", { zh: "让守护进程处理完手头工作后退出", en: "have the daemon drain and end" })
    .option("--wait <duration>", say({ zh: "最多等多久", en: "how long to wait for it" }), "15s")
    .action(does(async (cli, options: { wait: string }) => await (await import("./stop.ts")).stop(cli, options)));

  command(program, "status", { zh: "版本、渠道、队列", en: "version, channels, queue" })
    .option("--memory", say({ zh: "内存与内存分配器", en: "memory and its allocator" }))
    .addOption(
      new Option("--probe <kind>", say({ zh: "健康检查：退出码 0 或 1", en: "health check: exit code 0 or 1" })).choices([
        "live",
        "ready",
        "startup",
      ]),
    )
    .action(does(async (cli, options: StatusOptions) => await (await import("./status.ts")).status(cli, options)));

  command(program, "chat", { zh: "与机器人对话", en: "talk to the bot" })
    .option("--conversation <id>", say({ zh: "会话 id", en: "id of the conversation" }))
    .option("--group", say({ zh: "作为群聊", en: "as a group" }))
    .option("--user <name>", say({ zh: "以谁的身份说话", en: "who speaks" }))
    .option(
      "--script [file]",
      say({ zh: "执行对话脚本，输出 TAP；省略文件则读标准输入", en: "play a script, print TAP; from stdin without a file" }),
    )
    .addHelpText(
      "after",
      say({
        zh: `
脚本每行一句：\`> /echo 你好\` 是要说的话，\`< 你好\` 是应得的回复；# 开头为注释。
没有 < 标记时，各行依次为一问一答：第一行是说的话，第二行是应得的回复，以此类推。
退出码：0 全部相符，1 有不符，7 超时。`,
        en: `
A script has one line each: \`> /echo hi\` is said, \`< hi\` is what must come back; lines that begin with # are comments.
Without any < mark the lines take turns: the first is said, the second must come back, and so on.
Exit codes: 0 all as expected, 1 something else came, 7 nothing came in time.`,
      }),
    )
    .action(does(async (cli, options: ChatOptions) => await (await import("./chat.ts")).chat(cli, options)));

  command(program, "send", { zh: "主动发送一条消息", en: "send a message that answers none" })
    .requiredOption("--channel <channel>", say({ zh: "渠道", en: "the channel" }))
    .requiredOption("--to <id>", say({ zh: "用户或群的 id", en: "id of the user or group" }))
    .option("--account <name>", say({ zh: "账号，默认第一个", en: "the account, by default the first" }))
    .option("--group", say({ zh: "--to 是群", en: "--to is a group" }))
    .addOption(new Option("--text <text>", say({ zh: "纯文本", en: "plain text" })).conflicts("markdown"))
    .option("--markdown <text>", "Markdown")
    .option("--wait <duration>", say({ zh: "最多等多久", en: "how long to wait for the delivery" }), "10s")
    .action(does(async (cli, options: SendOptions) => await (await import("./send.ts")).send(cli, options)));

  command(program, "trace [id]", { zh: "消息的每一步：为什么没有回复？", en: "each step of a message: why no reply?" })
    .option("--last <duration>", say({ zh: "最近多久", en: "received within" }))
    .option("--conversation <key>", say({ zh: "某会话", en: "of one conversation" }))
    .option("--channel <channel>", say({ zh: "某渠道", en: "of one channel" }))
    .option("--lines <n>", say({ zh: "最多几条消息", en: "how many messages" }), count, 20)
    .action(does(async (cli, id: string | undefined, options: TraceOptions) => (await import("./trace.ts")).trace(cli, id, options)));

  const channel = group(program, "channel", { zh: "渠道", en: "channels" });
  command(channel, "list", { zh: "渠道与状态", en: "channels and how they do" }).action(
    does(async (cli) => (await import("./channel-list.ts")).listChannels(cli)),
  );
  command(channel, "simulate <channel>", { zh: "扮演平台，给正在运行的守护进程发消息", en: "play the platform against the running daemon" })
    .requiredOption("--text <text>", say({ zh: "用户说的话", en: "what the user says" }))
    .requiredOption("--from <user>", say({ zh: "用户 id", en: "id of the user" }))
    .option("--group <id>", say({ zh: "群 id", en: "id of the group" }))
    .option("--account <name>", say({ zh: "账号，默认第一个", en: "the account, by default the first" }))
    .option("--duplicate <n>", say({ zh: "同一条消息投递几次", en: "deliver the same message this many times" }), count)
    .option("--forge <kind>", say({ zh: "伪造请求的方式", en: "how to forge the request" }))
    .option("--wait <duration>", say({ zh: "等第一条回复多久", en: "how long to wait for a reply" }), "5s")
    .option("--url <url>", say({ zh: "守护进程地址", en: "where the daemon listens" }))
    .action(
      does(async (cli, name: string, options: SimulateOptions) =>
        (await import("./channel-simulate.ts")).simulateChannel(cli, name, options),
      ),
    );

  const skill = group(program, "skill", { zh: "技能", en: "skills" });
  command(skill, "list", { zh: "技能与状态", en: "skills and how they do" })
    .option("--remote", say({ zh: "远程技能库中的", en: "those of the remote registry" }))
    .action(does(async (cli, options: { remote?: boolean }) => (await import("./skill-list.ts")).listSkills(cli, options)));
  command(skill, "info <name>", { zh: "一个技能的详情", en: "all that is known of one" }).action(
    does(async (cli, name: string) => (await import("./skill-list.ts")).showSkill(cli, name)),
  );
  command(skill, "load <path>", { zh: "加载一个文件或文件夹，隔离运行", en: "load a file or folder and run it in a cage" })
    .option("--watch", say({ zh: "文件改变后重新加载", en: "load it again whenever it changes" }))
    .action(
      does(async (cli, path: string, options: { watch?: boolean }) => (await import("./skill-load.ts")).loadSkill(cli, path, options)),
    );
  command(skill, "unload <name>", { zh: "卸载", en: "take a loaded one out" }).action(
    does(async (cli, name: string) => (await import("./skill-load.ts")).unloadSkill(cli, name)),
  );
  command(skill, "enable <name>", { zh: "启用，也解除隔离", en: "let it answer, also after a quarantine" }).action(
    does(async (cli, name: string) => (await import("./skill-load.ts")).enableSkill(cli, name)),
  );
  command(skill, "disable <name>", { zh: "停用，重启后仍然有效", en: "silence it, also after a restart" }).action(
    does(async (cli, name: string) => (await import("./skill-load.ts")).disableSkill(cli, name)),
  );
  command(skill, "new <name>", { zh: "新建一个技能文件夹", en: "write a folder to begin from" })
    .addOption(new Option("--lang <lang>", say({ zh: "语言", en: "the language" })).choices(["ts", "py"]).default("ts"))
    .action(
      does(async (cli, name: string, options: { lang: "ts" | "py" }) => (await import("./skill-new.ts")).newSkill(cli, name, options)),
    );
  command(skill, "check [name-or-path]", {
    zh: "检查能否加载；有问题则退出码为 1",
    en: "whether it can be loaded; exit code 1 if not",
  }).action(does(async (cli, given: string | undefined) => (await import("./skill-check.ts")).checkSkills(cli, given)));

  const config = group(program, "config", { zh: "配置", en: "the configuration" });
  command(config, "validate [path]", { zh: "检查配置文件或目录", en: "check a file or folder" }).action(
    does(async (cli, path: string | undefined) => (await import("./config.ts")).validate(cli, path)),
  );
  command(config, "schema", { zh: "JSON Schema，供编辑器补全", en: "JSON Schema, for editors" })
    .option("--section <key>", say({ zh: "只要一节", en: "one section alone" }))
    .option("--out <file>", say({ zh: "写入文件", en: "write it to a file" }))
    .action(does(async (cli, options: { section?: string; out?: string }) => (await import("./config.ts")).schema(cli, options)));
  command(config, "explain <path>", { zh: "解释一个配置项", en: "what a key means" }).action(
    does(async (cli, path: string) => (await import("./config.ts")).explain(cli, path)),
  );
  command(config, "get <path>", { zh: "生效的值", en: "the value in effect" })
    .option("--show-origin", say({ zh: "值从哪里来", en: "where it comes from" }))
    .action(does(async (cli, path: string, options: { showOrigin?: boolean }) => (await import("./config.ts")).get(cli, path, options)));

  const deadletter = group(program, "deadletter", { zh: "死信", en: "dead letters" });
  const byReason = ["--reason <reason>", say({ zh: "只要此原因", en: "of one reason" })] as const;
  command(deadletter, "list", { zh: "列出死信", en: "list them" })
    .option(...byReason)
    .option("--channel <channel>", say({ zh: "某渠道", en: "of one channel" }))
    .option("--lines <n>", say({ zh: "最多几条", en: "how many" }), count, 50)
    .action(
      does(async (cli, options: { reason?: string; channel?: string; lines: number }) =>
        (await import("./deadletter.ts")).list(cli, options),
      ),
    );
  command(deadletter, "show <id>", { zh: "一封死信", en: "one of them" })
    .option("--content", say({ zh: "显示消息正文", en: "show the text as well" }))
    .action(does(async (cli, id: string, options: { content?: boolean }) => (await import("./deadletter.ts")).show(cli, id, options)));
  command(deadletter, "replay [id]", { zh: "重新处理", en: "have it tried again" })
    .option("--all", say({ zh: "全部", en: "all of them" }))
    .option(...byReason)
    .option("--dry-run", say({ zh: "只列出，不执行", en: "list them, do nothing" }))
    .action(
      does(async (cli, id: string | undefined, options: { all?: boolean; reason?: string; dryRun?: boolean }) =>
        (await import("./deadletter.ts")).replay(cli, id, options),
      ),
    );
  command(deadletter, "purge [id]", { zh: "删除", en: "remove for good" })
    .option(...byReason)
    .option("--older-than <duration>", say({ zh: "早于", en: "given up longer ago than" }))
    .option("--yes", say({ zh: "不再询问", en: "do not ask" }))
    .action(
      does(async (cli, id: string | undefined, options: { reason?: string; olderThan?: string; yes?: boolean }) =>
        (await import("./deadletter.ts")).purge(cli, id, options),
      ),
    );

  const log = group(program, "log", { zh: "日志", en: "the log" });
  command(log, "show", { zh: "显示日志", en: "show lines of the log" })
    .addOption(new Option("--level <level>", say({ zh: "此级别及更严重的", en: "this level or a graver one" })).choices(LEVELS))
    .option("--lines <n>", say({ zh: "最后几行", en: "how many, the last ones" }), count, 50)
    .option("--grep <regexp>", say({ zh: "匹配正则的行", en: "lines that match" }))
    .option("--since <time>", say({ zh: "不早于（-2h 或 RFC 3339）", en: "not before (-2h or RFC 3339)" }))
    .option("--until <time>", say({ zh: "不晚于", en: "not after" }))
    .option("--channel <channel>", say({ zh: "某渠道", en: "about one channel" }))
    .option("--skill <name>", say({ zh: "某技能", en: "about one skill" }))
    .option("--trace <id>", say({ zh: "某条消息", en: "about one message" }))
    .option("--follow", say({ zh: "持续输出", en: "go on with what comes" }))
    .action(does(async (cli, options: LogShowOptions) => (await import("./log-show.ts")).showLog(cli, options)));

  command(program, "help [command...]", {
    zh: "显示帮助；help exit-codes 列出退出码",
    en: "show help; help exit-codes lists the exit codes",
  }).action(does(async (cli, words: string[]) => (await import("./help.ts")).help(cli, program, words)));
  return program;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;

const TITLES: Record<string, string> = {
  "Usage:": "用法：",
  "Options:": "选项：",
  "Global Options:": "全局选项：",
  "Commands:": "命令：",
  "Arguments:": "参数：",
};

/** A command that does something. */
function command(parent: Command, nameAndArguments: string, about: { zh: string; en: string }): Command {
  return globals(parent.command(nameAndArguments).description(say(about)), true);
}

/** A command that only has others below it. */
function group(parent: Command, name: string, about: { zh: string; en: string }): Command {
  return command(parent, name, about).helpCommand(false).enablePositionalOptions();
}

/**
 * Every command knows the global options itself. commander's own way, the program picking them out of all arguments, would take
 * them out of values too: `send --text "-v is new"`.
 */
function globals(to: Command, hidden = false): Command {
  const options = [
    new Option("--config <dir>", say({ zh: "配置目录，默认 ./config", en: "configuration folder (default ./config)" })),
    new Option("--data-dir <dir>", say({ zh: "数据目录，默认 ./data", en: "data directory (default ./data)" })),
    new Option("--permissions <file>", say({ zh: "权限文件", en: "permissions file" })),
    new Option("--json", say({ zh: "等于 --format json", en: "short for --format json" })),
    new Option("--format <format>", say({ zh: "输出格式", en: "how data is printed" })).choices(FORMATS),
    new Option("--no-color", say({ zh: "不用颜色", en: "no colours" })),
    new Option("--quiet", say({ zh: "只输出数据", en: "print nothing but data" })),
    new Option("-v, --verbose", say({ zh: "出错时显示细节", en: "show the details of a failure" })),
  ];
  for (const option of options) to.addOption(hidden ? option.hideHelp() : option);
  return to;
}

/** Options given before the command's name and after it; the nearer one wins. */
function globalOptions(of: Command): GlobalOptions {
  const above = of.parent ? globalOptions(of.parent) : {};
  const own = of.opts<GlobalOptions>();
  return { ...above, ...own, color: above.color !== false && own.color !== false };
}

function append(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError(say({ zh: "应为正整数", en: "must be a positive whole number" }));
  return number;
}
