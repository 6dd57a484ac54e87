export interface Family {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/**
 * Reads the text format as strictly as its description: https://prometheus.io/docs/instrumenting/exposition_formats/. Throws when
 * a metric lacks HELP or TYPE, comes twice, is not in one piece, or has two samples with the same labels.
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line must end");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current: [name: string, family: Family] | undefined;
  let help: [name: string, text: string] | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment?.[1] === "HELP") {
      help = [comment[2]!, comment[3]!];
    } else if (comment) {
      const [, , name, type] = comment as unknown as string[];
      if (!help || help[0] !== name) throw new Error(`no HELP before TYPE ${name}`);
      if (families.has(name!)) throw new Error(`${name} comes twice`);
      if (!["counter", "gauge", "histogram", "summary"].includes(type!)) throw new Error(`${name}: unknown type ${type}`);
      current = [name!, { type: type!, help: help[1], samples: [] }];
      families.set(...current);
    } else {
      const sample = SAMPLE.exec(line);
      if (!sample || !current) throw new Error(`not a sample: ${line}`);
      const [, name, labelText = "", value] = sample;
      const suffix = name!.slice(current[0].length);
      const allowed = current[1].type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!name!.startsWith(current[0]) || !allowed.includes(suffix)) throw new Error(`${name} stands under ${current[0]}`);
      const labels = parseLabels(labelText);
      const key = name + JSON.stringify(Object.entries(labels).sort());
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      current[1].samples.push({ name: name!, labels, value: parseValue(value!) });
    }
  }
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length; ) {
    const label = LABEL.exec(text);
    if (!label) throw new Error(`bad labels: ${text}`);
    labels[label[1]!] = label[2]!.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
  }
  return labels;
}

function parseValue(text: string): number {
  const special: Record<string, number> = { "+Inf": Number.POSITIVE_INFINITY, "-Inf": Number.NEGATIVE_INFINITY, NaN: Number.NaN };
  const value = special[text] ?? Number(text);
  if (Number.isNaN(value) && text !== "NaN") throw new Error(`not a number: ${text}`);
  return value;
}
