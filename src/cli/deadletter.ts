import { systemClock } from "../clock.ts";
import type { StoreApi } from "../http/admin-api.ts";
import type { Message, Reply } from "../message.ts";
import type { DeadLetter } from "../storage/storage.ts";
import type { Cli } from "./cli.ts";
import { storeOrDaemon } from "./daemon.ts";
import { durationOf, showTime } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";
import { table } from "./table.ts";

const PAGE = 200;

export async function list(cli: Cli, options: { reason?: string; channel?: string; lines: number }): Promise<ExitCode> {
  const { lines: limit, ...only } = options;
  return await withStore(cli, async (api) => {
    const letters = await api.deadLetters({ ...filter(only), limit });
    await cli.out.document(letters, () => (letters.length > 0 ? letterTable(letters) : ""));
    if (letters.length === 0) cli.out.talk(say({ zh: "没有死信", en: "no dead letters" }));
    return EXIT.ok;
  });
}

/** Shows one dead letter; what people wrote only when asked for. */
export async function show(cli: Cli, id: string, options: { content?: boolean }): Promise<ExitCode> {
  return await withStore(cli, async (api) => {
    const { letter, content } = await api.deadLetter({ id });
    const shown = options.content ? { ...letter, content } : letter;
    await cli.out.document(shown, () => letterText(letter, options.content ? content : undefined));
    return EXIT.ok;
  });
}

export async function replay(
  cli: Cli,
  id: string | undefined,
  options: { all?: boolean; reason?: string; dryRun?: boolean },
): Promise<ExitCode> {
  if ((id === undefined) === !options.all) throw usage(say({ zh: "请给出一个 id，或 --all", en: "name an id, or --all" }));
  return await withStore(cli, async (api) => {
    const letters = id === undefined ? await everyLetter(api, filter(options)) : [(await api.deadLetter({ id })).letter];
    // In the order in which they died: of one conversation, the first goes first.
    letters.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (!options.dryRun) for (const letter of letters) await api.replay({ id: letter.id });
    const count = letters.length;
    await cli.out.document({ ok: true, dryRun: options.dryRun === true, ids: letters.map((letter) => letter.id) }, () =>
      options.dryRun
        ? [...letters.map((letter) => letter.id), say({ zh: `将重放 ${count} 封`, en: `would replay ${count}` })].join("\n")
        : say({ zh: `已重放 ${count} 封`, en: `replayed ${count}` }),
    );
    return EXIT.ok;
  });
}

/** Removes dead letters for good. Asks a person first; a script has to say --yes. */
export async function purge(
  cli: Cli,
  id: string | undefined,
  options: { reason?: string; olderThan?: string; yes?: boolean },
): Promise<ExitCode> {
  const before = options.olderThan === undefined ? undefined : systemClock.now() - durationOf(options.olderThan);
  return await withStore(cli, async (api) => {
    if (id !== undefined) await api.deadLetter({ id });
    if (!options.yes && !(await confirmed(cli, id))) return EXIT.failed;
    const query = { ...filter(options), ...(id !== undefined && { id }), ...(before !== undefined && { before }) };
    const { purged } = await api.purge(query);
    await cli.out.document({ ok: true, purged }, () => say({ zh: `已删除 ${purged} 封`, en: `purged ${purged}` }));
    return EXIT.ok;
  });
}

async function confirmed(cli: Cli, id: string | undefined): Promise<boolean> {
  if (!cli.out.interactive) throw usage(say({ zh: "删除不可恢复，请加 --yes", en: "purging is for good: add --yes" }));
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const what = id ?? say({ zh: "所有符合条件的死信", en: "all dead letters that match" });
  const answer = await terminal.question(say({ zh: `永久删除${what}？[y/N] `, en: `Remove ${what} for good? [y/N] ` }));
  terminal.close();
  return /^y/i.test(answer.trim());
}

async function withStore(cli: Cli, work: (api: StoreApi) => Promise<ExitCode>): Promise<ExitCode> {
  const store = await storeOrDaemon(cli);
  try {
    return await work(store.api);
  } finally {
    await store.close();
  }
}

async function everyLetter(api: StoreApi, only: { reason?: string }): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (;;) {
    const last = letters.at(-1);
    const page = await api.deadLetters({ ...only, limit: PAGE, ...(last && { before: last.id }) });
    letters.push(...page);
    if (page.length < PAGE) return letters;
  }
}

function filter({ reason, channel }: { reason?: string; channel?: string }): { reason?: string; channel?: string } {
  return { ...(reason !== undefined && { reason }), ...(channel !== undefined && { channel }) };
}

function letterTable(letters: DeadLetter[]): string {
  const rows = letters.map((one) => [
    one.id,
    showTime(one.at),
    one.kind,
    `${one.channel}/${one.account}`,
    String(one.attempts),
    one.reason,
    one.detail,
  ]);
  return table(["ID", "TIME", "KIND", "CHANNEL", "ATTEMPTS", "REASON", "DETAIL"], rows);
}

function letterText(letter: DeadLetter, content: Message | Reply | undefined): string {
  const lines = Object.entries({ ...letter, at: showTime(letter.at) }).map(([key, value]) => `${key.padEnd(12)}  ${value}`);
  if (content) lines.push("", content.text);
  else lines.push("", say({ zh: "（正文未显示：--content）", en: "(text hidden: --content)" }));
  return lines.join("\n");
}
