import { writeFile } from "node:fs/promises";
import type { AdapterDefinition } from "../adapter.ts";
import { inLanguage } from "../skill.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { language, say } from "./language.ts";
import { problemForPrograms } from "./report-failure.ts";
import { loadSettings } from "./settings.ts";

/** Checks the configuration and permissions.yaml as a start would; what is wrong is told as a compiler does, with exit code 2. */
export async function validate(cli: Cli, path: string | undefined): Promise<ExitCode> {
  const [{ loadPermissions }, { formatProblems }] = await Promise.all([
    import("../guard/permissions.ts"),
    import("../config/format-problems.ts"),
  ]);
  const options = path === undefined ? cli.options : { ...cli.options, config: path };
  const { settings, warnings, extent } = await loadSettings({ ...cli, options });
  await loadPermissions(settings.permissionsFile);
  if (warnings.length > 0) cli.out.talk(formatProblems(warnings, language));
  const { files, keys } = extent;
  await cli.out.document(
    { ok: true, files, keys, warnings: warnings.map(problemForPrograms) },
    () => `ok: ${counted(files, "file")}, ${counted(keys, "key")}, ${counted(warnings.length, "warning")}`,
  );
  return EXIT.ok;
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** Prints the JSON Schema of the configuration files, or of one section. */
export async function schema(cli: Cli, options: { section?: string; out?: string }): Promise<ExitCode> {
  const [{ loadAdapters }, { schemaDocument }] = await Promise.all([import("../adapters/loader.ts"), import("../config/explain.ts")]);
  const definitions = await loadAdapters();
  const whole = schemaDocument(definitions) as { properties: Record<string, object> };
  const { section } = options;
  if (section !== undefined && !Object.hasOwn(whole.properties, section)) throw await unknownKey(section, definitions);
  const text = JSON.stringify(section === undefined ? whole : whole.properties[section], null, 2);
  if (options.out === undefined) cli.out.line(text);
  else {
    await writeFile(options.out, `${text}\n`);
    cli.out.talk(options.out);
  }
  return EXIT.ok;
}

/** Says what a key means, what it may be and which keys are below it. */
export async function explain(cli: Cli, path: string): Promise<ExitCode> {
  const [{ loadAdapters }, { explain: explained }] = await Promise.all([import("../adapters/loader.ts"), import("../config/explain.ts")]);
  const definitions = await loadAdapters();
  const about = explained(path, definitions);
  if (!about) throw await unknownKey(path, definitions);
  await cli.out.document(about, () =>
    [
      `${about.path}  ${cli.out.paint.dim(inLanguage(about.type, language))}`,
      ...(about.description.en ? [inLanguage(about.description, language)] : []),
      ...(about.default === undefined ? [] : [say({ zh: "默认值：", en: "default: " }) + JSON.stringify(about.default)]),
      ...(about.secret ? [say({ zh: "保密：不会显示在任何输出中", en: "a secret: never shown in any output" })] : []),
      ...(about.keys.length > 0 ? [say({ zh: "下级键：", en: "keys: " }) + about.keys.join(", ")] : []),
    ].join("\n"),
  );
  return EXIT.ok;
}

/** Prints the value in effect, secrets masked. */
export async function get(cli: Cli, path: string, options: { showOrigin?: boolean }): Promise<ExitCode> {
  const { definitions, value, origin } = await loadSettings(cli);
  const found = value(path);
  if (found === undefined) {
    const { explain: explained } = await import("../config/explain.ts");
    if (!explained(path, definitions)) throw await unknownKey(path, definitions);
  }
  const shown = found === undefined ? "" : typeof found === "object" ? JSON.stringify(found) : String(found);
  if (options.showOrigin) {
    const from = origin(path);
    await cli.out.document({ path, value: found ?? null, origin: from }, () => `${shown}  ${cli.out.paint.dim(from)}`);
  } else await cli.out.document(found ?? null, () => shown);
  return EXIT.ok;
}

/** Names the key that was probably meant, or those there are where the path goes wrong. */
async function unknownKey(path: string, definitions: readonly AdapterDefinition[]): Promise<Failure> {
  const [{ explain: explained }, { closest }] = await Promise.all([import("../config/explain.ts"), import("../config/closest.ts")]);
  const words = path.split(".");
  let right = words.length - 1;
  while (right > 0 && !explained(words.slice(0, right).join("."), definitions)) right--;
  const known = explained(words.slice(0, right).join("."), definitions)!.keys;
  const near = closest(words[right]!, known);
  const meant = words.with(right, near ?? "").join(".");
  const hint = near ? say({ zh: `是否想用 ${meant}？`, en: `did you mean ${meant}?` }) : known.join(", ");
  return new Failure("CLAWDBOT_ERR_NOT_FOUND", say({ zh: `没有配置项 ${path}`, en: `there is no key ${path}` }), hint);
}
