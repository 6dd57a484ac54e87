import {
  type Alias,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { LineMask } from "./mask.ts";
import type { Place, Problem } from "./problem.ts";
import { yamlErrorText } from "./yaml-error-text.ts";

export interface TopLevelKey {
  key: string;
  /** Nothing stands under it. */
  empty: boolean;
  place: Place;
}

/** One YAML document that knows where each of its values stands. */
export interface YamlFile {
  readonly file: string;
  /** What makes it unreadable; then `value` is undefined. */
  readonly problems: Problem[];
  /** Integers beyond 2^53 are BigInt, with all their digits. */
  readonly value: unknown;
  /** In the order of the file, doubles included. */
  readonly topLevel: TopLevelKey[];
  /** Where a key, or what is set there, stands; undefined when the file has no such key. */
  place(path: readonly string[], of: "key" | "value"): Place | undefined;
  /** A plain value as it is written, such as "007" for what YAML takes for 7. */
  text(path: readonly string[]): string | undefined;
}

export interface YamlOptions {
  mask: LineMask;
  /** Replaces variables in a text value. Absent: none are. */
  expand?: (text: string) => { text: string; problem?: Pick<Problem, "message" | "hint"> };
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);
const ALIASES = 100;

/** Errors that the parser notices at the end of what never ended, or only at the end of the file. */
const UNCLOSED = new Set<ErrorCode>(["MISSING_CHAR", "BAD_INDENT"]);

/** Reads one YAML document. Never throws: what is wrong with it is in `problems`. */
export function parseYaml(file: string, text: string, options: YamlOptions): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(text, { intAsBigInt: true, prettyErrors: false, lineCounter: counter });
  const lines = text.split(/\r?\n/);
  const problems = [...document.errors, ...document.warnings].map(errorProblem);

  function placeAt(start: number, end: number): Place {
    const { line, col: column } = counter.linePos(start);
    const last = counter.linePos(end);
    const stop = last.line === line ? last.col : (lines[line - 1]?.length ?? 0) + 1;
    return { file, line, column, length: Math.max(1, stop - column), source: options.mask(lines, line - 1) };
  }

  function placeOf(node: unknown): Place | undefined {
    const range = (node as { range?: [number, number, number] | null } | null)?.range;
    return range ? placeAt(range[0], range[1]) : undefined;
  }

  function errorProblem(error: YAMLError): Problem {
    const open = UNCLOSED.has(error.code) ? openAt(document, error.pos[0]) : undefined;
    const place = open ? placeAt(open.range![0], open.range![0] + 1) : placeAt(error.pos[0], error.pos[1]);
    const duplicate = error.code === "DUPLICATE_KEY" ? duplicateAt(document, error.pos[0]) : undefined;
    if (!duplicate) return { at: place, path: "", ...yamlErrorText(error) };
    const first = placeOf(duplicate.first.key)?.line;
    const name = String((duplicate.second.key as Scalar).value);
    return {
      at: placeOf(duplicate.second.key) ?? place,
      path: name,
      message: { en: `stands here twice, first in line ${first}`, zh: `重复出现，第一次在第 ${first} 行` },
    };
  }

  visit(document, {
    Alias(_, node) {
      if (node.resolve(document)) return;
      const hint = { en: 'A value that begins with "*" or "&" needs quotes', zh: "以 * 或 & 开头的值要加引号" };
      problems.push({ at: placeOf(node), path: "", message: { en: "refers to nothing", zh: "引用了不存在的锚点" }, hint });
    },
    Scalar(key, node) {
      if (typeof node.value === "bigint" && node.value <= LARGEST && node.value >= -LARGEST) node.value = Number(node.value);
      if (key === "key" || typeof node.value !== "string" || !options.expand) return;
      const expanded = options.expand(node.value);
      if (expanded.problem) problems.push({ at: placeOf(node), path: "", ...expanded.problem });
      if (expanded.text === node.value) return;
      node.value = node.type === "PLAIN" ? parsePlain(expanded.text) : expanded.text;
      node.source = expanded.text;
    },
  });

  let value: unknown;
  if (problems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: ALIASES });
    } catch {
      problems.push({ at: file, path: "", message: { en: "has too many aliases", zh: "别名过多" } });
    }
  }

  return {
    file,
    problems,
    value,
    topLevel: isMap(document.contents)
      ? document.contents.items.map((pair) => ({
          key: keyOf(pair),
          empty: isNothing(pair.value),
          place: placeOf(pair.key) ?? placeAt(0, 0),
        }))
      : [],
    place(path, of) {
      const found = find(document, path);
      const inline = isScalar(found?.node) ? found.node.value !== null : isFlow(found?.node) || isAlias(found?.node);
      return of === "value" && inline ? placeOf(found?.node) : placeOf(found?.key ?? found?.node);
    },
    text(path) {
      const node = find(document, path)?.node;
      return isScalar(node) ? node.source : undefined;
    },
  };
}

/**
 * A value from a variable or flag: what YAML would read there, but a text stays as it is to the letter ("a #b" is no comment),
 * unless it stands in quotes.
 */
export function parsePlain(text: string): unknown {
  const document = parseDocument(text, { intAsBigInt: true, prettyErrors: false });
  const { contents } = document;
  if (document.errors.length > 0 || document.warnings.length > 0) return text;
  if (isScalar(contents)) {
    const { value } = contents;
    if (typeof value === "bigint") return value <= LARGEST && value >= -LARGEST ? Number(value) : value;
    return typeof value === "string" && contents.type === "PLAIN" ? text : value;
  }
  return isFlow(contents) ? document.toJS({ maxAliasCount: 0 }) : text;
}

const indexes = new WeakMap<YAMLMap, Map<string, Pair>>();

function pairsOf(map: YAMLMap): Map<string, Pair> {
  const known = indexes.get(map);
  if (known) return known;
  const index = new Map(map.items.map((pair) => [keyOf(pair), pair]));
  indexes.set(map, index);
  return index;
}

function find(document: Document, path: readonly string[]): { key?: unknown; node: unknown } | undefined {
  let found: { key?: unknown; node: unknown } | undefined = { node: document.contents };
  for (const step of path) {
    const node: unknown = isAlias(found.node) ? (found.node as Alias).resolve(document) : found.node;
    const pair = isMap(node) ? pairsOf(node).get(step) : undefined;
    const element: unknown = isSeq(node) ? node.items[Number(step)] : undefined;
    if (pair) found = { key: pair.key, node: pair.value };
    else if (element) found = { node: element };
    else return undefined;
  }
  return found;
}

/** The quoted text or the bracket that had not ended where the parser gave up. */
function openAt(document: Document, offset: number): Node | undefined {
  let open: Node | undefined;
  visit(document, (_, node) => {
    const encloses = isFlow(node) || (isScalar(node) && node.type?.startsWith("QUOTE"));
    if (encloses && node.range && node.range[0] < offset && node.range[2] >= offset) open = node;
  });
  return open;
}

function isFlow(node: unknown): node is YAMLMap | YAMLSeq {
  return (isMap(node) || isSeq(node)) && node.flow === true;
}

function duplicateAt(document: Document, offset: number): { first: Pair; second: Pair } | undefined {
  let found: { first: Pair; second: Pair } | undefined;
  visit(document, {
    Map(_, map) {
      const second = map.items.find((pair) => isScalar(pair.key) && pair.key.range?.[0] === offset);
      const first = second && map.items.find((pair) => keyOf(pair) === keyOf(second));
      if (first && second) found = { first, second };
    },
  });
  return found;
}

function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}
