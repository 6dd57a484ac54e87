import { readdir, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import { ClawdbotError, errorText } from "../errors.ts";
import type { Log } from "../observe/log.ts";
import { createRoute, type Route } from "../pipeline/route.ts";
import type { Service } from "../service.ts";
import type { Localised, Skill } from "../skill.ts";
import { keyValue } from "../storage/key-value.ts";
import type { Storage } from "../storage/storage.ts";
import { type CagedSkill, createCagedSkill } from "./caged-skill.ts";
import { skillKeys } from "./context.ts";
import { mergeFacts, readSource, refuseCapabilities, type SkillFacts, type SkillKind } from "./facts.ts";
import { patternEngine } from "./pattern.ts";
import { createRuntimes, type Runtimes } from "./runtime.ts";
import { copySkill, sweepStages } from "./stage.ts";

/** The skills of one moment. Never changed: a change makes another one. */
export interface SkillTable {
  readonly skills: readonly Skill[];
  readonly route: Route;
}

export interface SkillStatus {
  name: string;
  version: string;
  description: Localised;
  aliases: string[];
  /** "built-in", "python 3.11", "node 24". */
  runtime: string;
  /** How it is isolated; absent for what runs in the daemon. */
  cage?: string;
  state: "on" | "disabled" | "failed" | "quarantined";
  detail: string;
  /** Whether a built-in skill of this name waits behind it. */
  replaces: boolean;
  /** Where it was loaded from. */
  origin?: string;
  /** The copy of it that runs. */
  copy?: string;
  loadedAt?: number;
}

export interface LoadReport {
  skill: SkillStatus;
  /** The version that it took the place of. */
  replaced?: string;
  ms: number;
}

/** The skills of the daemon, which can change while it runs. Changes happen one after the other and outlive a restart. */
export interface SkillRegistry extends Service {
  current(): SkillTable;
  list(): SkillStatus[];
  /** Copies a file or folder into the data directory, starts it in its cage and lets it answer; calls in flight end where they began. */
  load(path: string): Promise<LoadReport>;
  /** Ends a loaded skill and forgets it; its keys stay. Resolves with the built-in one that is back, if there is one. */
  unload(name: string): Promise<SkillStatus | undefined>;
  setEnabled(name: string, enabled: boolean): Promise<{ skill: SkillStatus; changed: boolean }>;
}

export interface SkillRegistryParts {
  builtIn: readonly Skill[];
  /** Disabled until somebody enables them. */
  offByDefault: readonly string[];
  default: string | undefined;
  dataDir: string;
  storage: Storage;
  clock: Clock;
  timeoutMs: number;
  log: Log;
  newId(): string;
  runtimes?: Runtimes;
}

/** Where a loaded skill's copy lies: `data_dir/skills/ID/FILE`, and what in it is run. */
interface Place {
  id: string;
  file: string;
  kind: SkillKind;
  entry: string;
}

/** What is kept of a loaded skill. */
interface Row extends Place {
  facts: SkillFacts;
  origin: string;
  loadedAt: number;
  runtime: string;
  cage: string;
}

interface Loaded {
  row: Row;
  caged: CagedSkill;
  skill: Skill;
}

export function createSkillRegistry(on: SkillRegistryParts): SkillRegistry {
  const { clock, storage } = on;
  const log = on.log.logger("skills");
  const rows = keyValue(storage, "skills", clock);
  const runtimes = on.runtimes ?? createRuntimes();
  const builtIn = new Map(on.builtIn.map((skill) => [skill.name, skill]));
  const loaded = new Map<string, Loaded>();
  /** What somebody decided; others are as they come. */
  const switched = new Map<string, boolean>();
  const folder = resolve(on.dataDir, "skills");
  const marks = join(folder, "running");
  /** What nobody calls any more, while it ends what it began. */
  const retiring = new Map<CagedSkill, Promise<void>>();
  let table = makeTable();
  let last: Promise<unknown> = Promise.resolve();

  function isEnabled(name: string): boolean {
    return switched.get(name) ?? !on.offByDefault.includes(name);
  }

  function makeTable(): SkillTable {
    const others = [...builtIn.values()].filter(({ name }) => !loaded.has(name));
    const skills = [...others, ...[...loaded.values()].map(({ skill }) => skill)].filter(({ name }) => isEnabled(name));
    return { skills, route: createRoute(skills, { default: on.default, pattern: patternEngine }) };
  }

  /** One change at a time. */
  function change<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  function cage({ id, file, kind, entry }: Place): CagedSkill {
    return createCagedSkill({
      path: join(folder, id, file),
      entry,
      kind,
      runtimes,
      marks,
      clock,
      timeoutMs: on.timeoutMs,
      log: on.log.logger(`skill.${file}`),
      refused(method) {
        const name = [...loaded].find(([, one]) => one.row.id === id)?.[0] ?? file;
        log.warn("skill asked for what it is not granted", { skill: name, method });
        audit("skill.request", name, { result: "denied", reason: method });
      },
    });
  }

  function add(row: Row, caged: CagedSkill): void {
    const { name } = row.facts;
    caged.own(skillKeys(storage, name, clock), on.log.logger(`skill.${name}`));
    loaded.set(name, { row, caged, skill: { ...row.facts, handleMessage: caged.handleMessage } });
  }

  function retire({ row, caged }: Loaded, successor?: CagedSkill): void {
    const gone = caged
      .retire(successor)
      .then(() => rm(join(folder, row.id), { recursive: true, force: true }))
      .catch((error: unknown) => log.warn("skill not cleaned up", { skill: row.facts.name, error: errorText(error) }));
    retiring.set(caged, gone);
    void gone.then(() => retiring.delete(caged));
  }

  function statusOf(name: string): SkillStatus | undefined {
    const own = loaded.get(name);
    const skill = own?.skill ?? builtIn.get(name);
    if (!skill) return undefined;
    const { version, description, aliases = [] } = skill;
    const replaces = own !== undefined && builtIn.has(name);
    const enabled = isEnabled(name);
    const about = { name, version, description, aliases, replaces, detail: "" };
    if (!own) return { ...about, runtime: "built-in", state: enabled ? "on" : "disabled" };
    const { runtime, cage: caged, origin, loadedAt } = own.row;
    const copy = join(folder, own.row.id, own.row.file);
    const { state, detail } = own.caged.state();
    const known = state === "failed" || state === "quarantined" ? state : "on";
    return { ...about, runtime, cage: caged, origin, copy, loadedAt, detail, state: enabled ? known : "disabled" };
  }

  function audit(action: string, target: string, how: { result?: "denied"; reason?: string } = {}): void {
    const actor = action === "skill.request" ? `skill:${target}` : "operator";
    storage
      .audit({ at: clock.now(), actor, action, target, result: how.result ?? "ok", reason: how.reason ?? "" })
      .catch((error: unknown) => log.error("change not audited", { error: errorText(error) }));
  }

  async function load(path: string): Promise<LoadReport> {
    const began = clock.monotonic();
    const source = await readSource(path);
    try {
      refuseCapabilities(source.manifest);
    } catch (error) {
      audit("skill.load", basename(path), { result: "denied", reason: errorText(error) });
      throw error;
    }
    const { kind, entry, manifest } = source;
    const place: Place = { id: on.newId(), file: basename(path), kind, entry };
    const copy = join(folder, place.id);
    const caged = cage(place);
    try {
      await copySkill(path, join(copy, place.file));
      const started = await caged.start();
      const facts = mergeFacts(manifest, started.about);
      refuseTaken(facts);
      const row: Row = { ...place, facts, origin: path, loadedAt: clock.now(), runtime: started.runtime, cage: started.cage };
      await rows.set(`loaded:${facts.name}`, row);
      return take(row, caged, Math.round(clock.monotonic() - began));
    } catch (error) {
      await caged.stop();
      await rm(copy, { recursive: true, force: true });
      throw error;
    }
  }

  /** From now on it answers. */
  function take(row: Row, caged: CagedSkill, ms: number): LoadReport {
    const { name, version } = row.facts;
    const before = loaded.get(name);
    add(row, caged);
    table = makeTable();
    if (before) retire(before, caged);
    log.info("skill loaded", { skill: name, version, runtime: row.runtime, cage: row.cage, replaces_built_in: builtIn.has(name), ms });
    audit("skill.load", name, { reason: version });
    const replaced = before?.row.facts.version ?? builtIn.get(name)?.version;
    return { skill: statusOf(name)!, ms, ...(replaced !== undefined && { replaced }) };
  }

  /** An alias must not take messages away from another skill. */
  function refuseTaken({ name, aliases = [] }: SkillFacts): void {
    const others = [...builtIn.values(), ...[...loaded.values()].map(({ skill }) => skill)].filter((skill) => skill.name !== name);
    const words = new Set(others.flatMap((skill) => [skill.name, ...(skill.aliases ?? [])]));
    const taken = [name, ...aliases].find((word) => words.has(word));
    if (taken) throw new ClawdbotError("CLAWDBOT_ERR_INVALID", `skill ${name}: ${taken} is a name or alias of another skill`);
  }

  async function restore(): Promise<void> {
    loaded.clear();
    switched.clear();
    for (const { key, value } of await everyRow("enabled:")) switched.set(key.slice("enabled:".length), value === true);
    for (const { value } of await everyRow("loaded:")) {
      const row = value as Row;
      add(row, cage(row));
    }
    table = makeTable();
    await sweepStages(marks);
    const known = new Set([basename(marks), ...[...loaded.values()].map(({ row }) => row.id)]);
    for (const name of await readdir(folder).catch(() => [])) {
      if (!known.has(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
    for (const [name, { caged }] of loaded) {
      if (!isEnabled(name)) continue;
      // The start of the daemon does not wait for them: the first message does.
      caged.start().catch((error: unknown) => log.error("skill does not start", { skill: name, error: errorText(error) }));
    }
  }

  async function everyRow(prefix: string) {
    return await rows.list(prefix, 10_000);
  }

  function known(name: string): SkillStatus {
    const status = statusOf(name);
    if (!status) throw new ClawdbotError("CLAWDBOT_ERR_NOT_FOUND", `there is no skill ${name}`);
    return status;
  }

  return {
    current: () => table,
    list: () => [...new Set([...builtIn.keys(), ...loaded.keys()])].sort().map((name) => statusOf(name)!),
    load: (path) => change(() => load(path)),
    unload: (name) =>
      change(async () => {
        known(name);
        const own = loaded.get(name);
        if (!own) throw new ClawdbotError("CLAWDBOT_ERR_INVALID", `${name} is built in: it can be disabled, not unloaded`);
        await rows.delete(`loaded:${name}`);
        loaded.delete(name);
        table = makeTable();
        retire(own);
        log.info("skill unloaded", { skill: name, built_in_back: builtIn.has(name) });
        audit("skill.unload", name);
        return statusOf(name);
      }),
    setEnabled: (name, enabled) =>
      change(async () => {
        known(name);
        const own = loaded.get(name)?.caged;
        const pardoned = enabled && own?.state().state === "quarantined";
        if (pardoned) own.pardon();
        const changed = isEnabled(name) !== enabled || pardoned;
        if (changed) {
          await rows.set(`enabled:${name}`, enabled);
          switched.set(name, enabled);
          table = makeTable();
          log.info(enabled ? "skill enabled" : "skill disabled", { skill: name });
          audit(enabled ? "skill.enable" : "skill.disable", name);
        }
        return { skill: known(name), changed };
      }),
    start: restore,
    async stop() {
      await last;
      const all = [...loaded.values()].map(({ caged }) => caged);
      await Promise.all([...all, ...retiring.keys()].map((caged) => caged.stop()));
      await Promise.all(retiring.values());
    },
  };
}
