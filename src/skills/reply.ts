import { ClawdbotError } from "../errors.ts";
import type { Segment } from "../message.ts";
import type { SkillReply } from "../skill.ts";

/** More of them than anybody reads is a mistake, and each costs a call to the platform. */
const MOST_REPLIES = 100;
const MOST_CHARACTERS = 2 ** 20;
const MEDIA = ["image", "file", "voice", "video"];
const MEDIA_TEXTS = ["url", "data", "ref", "name", "mime"] as const;

/** What came out of a skill's process, as replies: null is "not mine". Throws what is not one; nothing of it is trusted. */
export function parseReplies(answer: unknown): SkillReply[] | null {
  if (answer === null) return null;
  if (!Array.isArray(answer)) throw invalid("no list");
  if (answer.length > MOST_REPLIES) throw invalid(`${answer.length} replies; at most ${MOST_REPLIES} are taken`);
  return answer.map(parseReply);
}

function parseReply(reply: unknown): SkillReply {
  return Array.isArray(reply) ? reply.map(parseSegment) : [parseSegment(reply)];
}

function parseSegment(value: unknown): Segment {
  if (typeof value === "string") return { type: "text", text: checkedText(value) };
  if (typeof value !== "object" || value === null) throw invalid(typeof value);
  const given = value as Record<string, unknown>;
  const { type } = given;
  if (type === "text" || type === "markdown") return { type, text: checkedText(given.content ?? given.text) };
  if (typeof type === "string" && MEDIA.includes(type)) return parseMedia(type as "image", given);
  if (type === "mention") {
    if (given.all === true) return { type, all: true };
    return { type, id: checkedText(given.id), ...(typeof given.name === "string" && { name: given.name }) };
  }
  if (type === "quote") return { type, id: checkedText(given.id) };
  if (type === "location" && typeof given.latitude === "number" && typeof given.longitude === "number") {
    return { type, latitude: given.latitude, longitude: given.longitude, ...(typeof given.title === "string" && { title: given.title }) };
  }
  throw invalid(`an object of type ${String(type).slice(0, 40)}`);
}

function parseMedia(type: "image" | "file" | "voice" | "video", given: Record<string, unknown>): Segment {
  const segment: Record<string, unknown> = { type };
  for (const key of MEDIA_TEXTS) if (typeof given[key] === "string") segment[key] = given[key];
  if (typeof given.content === "string") segment[/^https?:\/\//i.test(given.content) ? "url" : "data"] = given.content;
  if (segment.url === undefined && segment.data === undefined && segment.ref === undefined) throw invalid(`a ${type} without url or data`);
  return segment as unknown as Segment;
}

function checkedText(value: unknown): string {
  if (typeof value !== "string") throw invalid(`${typeof value} where a text belongs`);
  if (value.length > MOST_CHARACTERS) throw invalid(`a text of ${value.length} characters; at most ${MOST_CHARACTERS} are taken`);
  return value;
}

function invalid(what: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_SKILL", `the skill answered ${what}`);
}
