import { ClawdbotError } from "../errors.ts";
import { inLanguage, type Language, type Localised } from "../skill.ts";

/** Where something stands in a file. Lines and columns count from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
  /** How many characters it is long. */
  length: number;
  /** The whole line, every secret in it masked. */
  source: string;
}

/** A place in a file, or the name of the file, variable or flag alone; undefined for what was set nowhere. */
export type Where = Place | string | undefined;

/** One thing that is wrong with what the operator wrote. Never holds a configured value: that may be a secret. */
export interface Problem {
  at: Where;
  /** Dotted path of the key; "" for a whole file. */
  path: string;
  message: Localised;
  /** What to do about it: a sentence. */
  hint?: Localised;
}

/** The configuration cannot be used. Carries everything that is wrong with it, not only the first thing. */
export class ConfigError extends ClawdbotError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = problems.toSorted(byPlace);
    super("CLAWDBOT_ERR_CONFIG", sorted.map((problem) => problemLine(problem, "en")).join("\n"));
    this.problems = sorted;
  }
}

function byPlace({ at: a }: Problem, { at: b }: Problem): number {
  const [fileA, fileB] = [typeof a === "object" ? a.file : (a ?? ""), typeof b === "object" ? b.file : (b ?? "")];
  if (fileA !== fileB) return fileA < fileB ? -1 : 1;
  return typeof a === "object" && typeof b === "object" ? a.line - b.line || a.column - b.column : 0;
}

/** One line: `config/gateway.yaml:14:5  storage.pool_sise: unknown key. Did you mean pool_size?` */
export function problemLine(problem: Problem, language: Language): string {
  const { at, path, message, hint } = problem;
  const place = placeText(at);
  const stop = language === "zh" ? "。" : ". ";
  const advice = hint === undefined ? "" : `${stop}${inLanguage(hint, language)}`;
  return `${place && `${place}  `}${path && `${path}: `}${inLanguage(message, language)}${advice}`;
}

/** One word: `config/gateway.yaml:14:5`, `CLAWDBOT_SERVER__PORT`, or "" for nowhere. */
export function placeText(at: Where): string {
  return typeof at === "object" ? `${at.file}:${at.line}:${at.column}` : (at ?? "");
}
