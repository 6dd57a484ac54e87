import { watch } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { systemClock } from "../clock.ts";
import { errorText } from "../errors.ts";
import type { AdminApi } from "../http/admin-api.ts";
import type { LoadReport } from "../skills/registry.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin } from "./daemon.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/** Has the daemon load a file or folder; with watch again after each change, until Ctrl-C. */
export async function loadSkill(cli: Cli, given: string, options: { watch?: boolean }): Promise<ExitCode> {
  const path = resolve(given);
  const api = await connectAdmin(cli);
  const report = await api.loadSkill({ path });
  await cli.out.document(report, () => loadedText(report));
  if (options.watch) await reloadOnChange(cli, api, path);
  return EXIT.ok;
}

/** Takes a loaded skill out of the daemon. */
export async function unloadSkill(cli: Cli, name: string): Promise<ExitCode> {
  const answer = await (await connectAdmin(cli)).unloadSkill({ name });
  const { restored } = answer;
  await cli.out.document(answer, () =>
    restored
      ? say({
          zh: `${name} 已卸载，内置的 ${name} ${restored.version} 恢复使用`,
          en: `unloaded ${name}; the built-in ${name} ${restored.version} is back`,
        })
      : say({ zh: `${name} 已卸载`, en: `unloaded ${name}` }),
  );
  return EXIT.ok;
}

export async function enableSkill(cli: Cli, name: string): Promise<ExitCode> {
  const answer = await (await connectAdmin(cli)).enableSkill({ name });
  await cli.out.document(answer, () =>
    answer.changed
      ? say({ zh: `${name} 已启用`, en: `${name} enabled` })
      : say({ zh: `${name} 本来就是启用的`, en: `${name} was enabled already` }),
  );
  return EXIT.ok;
}

export async function disableSkill(cli: Cli, name: string): Promise<ExitCode> {
  const answer = await (await connectAdmin(cli)).disableSkill({ name });
  await cli.out.document(answer, () =>
    answer.changed
      ? say({ zh: `${name} 已停用`, en: `${name} disabled` })
      : say({ zh: `${name} 本来就是停用的`, en: `${name} was disabled already` }),
  );
  return EXIT.ok;
}

function loadedText({ skill, replaced, ms }: LoadReport): string {
  const { name, version, runtime, cage } = skill;
  const line = `loaded ${name} ${version} (${runtime}, cage: ${cage}) in ${ms} ms`;
  if (replaced === undefined) return line;
  const what = skill.replaces
    ? say({ zh: `它取代了内置的 ${name}`, en: `it takes the place of the built-in ${name}` })
    : say({ zh: `它取代了 ${name} ${replaced}`, en: `it takes the place of ${name} ${replaced}` });
  return `${line}\n${what}`;
}

async function reloadOnChange(cli: Cli, api: AdminApi, path: string): Promise<never> {
  let pending: ReturnType<typeof systemClock.setTimeout> | undefined;
  let loading: Promise<void> = Promise.resolve();
  const reload = async () => {
    try {
      const report = await api.loadSkill({ path });
      await cli.out.document(report, () => loadedText(report));
    } catch (error) {
      cli.out.talk(
        say({ zh: `没有加载，仍用之前的版本：${errorText(error)}`, en: `not loaded, the version before stays: ${errorText(error)}` }),
      );
    }
  };
  const isFolder = (await stat(path)).isDirectory();
  // Editors put a new file in the place of the old one: of a single file, its folder is watched.
  const watcher = watch(isFolder ? path : dirname(path), { recursive: isFolder }, (_event, name) => {
    if (!isFolder && name !== basename(path)) return;
    systemClock.clearTimeout(pending);
    pending = systemClock.setTimeout(() => {
      loading = loading.then(reload);
    }, SETTLE_MS);
  });
  cli.out.talk(say({ zh: `正在监视 ${path}，Ctrl-C 结束`, en: `watching ${path}, Ctrl-C ends` }));
  return await new Promise<never>((_, reject) => watcher.on("error", reject));
}
