import { parseDuration } from "../config/units.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";

/** "90d", "15m", "500ms" in ms. */
export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw usage(say({ zh: `看不懂的时长：${text}`, en: `not a duration: ${text}` }), "90d 24h 15m 60s 500ms");
  return ms;
}

/** A point in time, ms since the epoch: RFC 3339 (local time without a zone), or how long ago ("2h", "-2h"). */
export function parseTime(text: string, now: number): number {
  if (/^-?[\d.]+ ?[a-z]/i.test(text)) return now - durationOf(text.replace("-", ""));
  const parts = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/i.exec(text);
  const time = parts ? Date.parse(`${parts[1]}T${parts[2] ?? "00:00"}${parts[3] ?? ""}`) : Number.NaN;
  if (Number.isNaN(time)) throw usage(say({ zh: `看不懂的时间：${text}`, en: `not a time: ${text}` }), "-2h, 2026-03-02T09:15:00Z");
  return time;
}

/** Local date and time with ms, as the log writes it. */
export function showTime(time: number): string {
  const local = time - new Date(time).getTimezoneOffset() * 60_000;
  return new Date(local).toISOString().replace("T", " ").slice(0, 23);
}

/** The two largest parts: "3d 4h", "12m 5s", "0s". */
export function showDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => amount + unit)
    .join(" ");
}
