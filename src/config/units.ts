import { z } from "zod";

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { b: 1, kb: 1000, kib: 1024, mb: 1000 ** 2, mib: 1024 ** 2, gb: 1000 ** 3, gib: 1024 ** 3 } as const;

/** What a timer of the platform can wait at most (setTimeout takes 31 bits): 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A time span in the files: `90d`, `24h`, `15m`, `60s`, `500ms`, or a plain number of ms. Its output is ms. */
export function duration({ min = 1, max = LONGEST_TIMER } = {}) {
  return z
    .union([z.int(), z.string().refine((text) => parseDuration(text) !== undefined)])
    .meta({ expects: { en: "a duration such as 60s, 15m or 500ms, or a number of ms", zh: "时长，例如 60s、15m、500ms，或毫秒数" } })
    .transform((value) => (typeof value === "number" ? value : parseDuration(value)!))
    .refine(...between(min, max, "ms"));
}

/** A size in the files: `512KiB`, `1MiB`, or a plain number of bytes. Its output is bytes. */
export function size({ min = 1, max = Number.MAX_SAFE_INTEGER } = {}) {
  return z
    .union([z.int(), z.string().refine((text) => parseSize(text) !== undefined)])
    .meta({ expects: { en: "a size such as 512KiB or 1MiB, or a number of bytes", zh: "大小，例如 512KiB、1MiB，或字节数" } })
    .transform((value) => (typeof value === "number" ? value : parseSize(value)!))
    .refine(...between(min, max, "B"));
}

/** ms of a text such as "60s"; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return quantity(text, MILLISECONDS);
}

/** Bytes of a text such as "1MiB"; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  return quantity(text, BYTES);
}

function between(min: number, max: number, unit: string) {
  const limits = { error: `must be between ${min} and ${max} ${unit}`, params: { zh: `必须在 ${min} 和 ${max} ${unit} 之间` } };
  return [(value: number) => value >= min && value <= max, limits] as const;
}

function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, count, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?) ?([a-z]{1,3})$/.exec(text.trim().toLowerCase()) ?? [];
  return Object.hasOwn(units, unit) ? Math.round(Number(count) * units[unit]!) : undefined;
}
