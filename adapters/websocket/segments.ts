import type { MediaSegment, Segment } from "clawdbot";
import { FrameError } from "./frame-error.ts";

const MAX_SEGMENTS = 100;
const MAX_ID = 200;
const MAX_NAME = 500;
const MAX_URL = 4096;
/** Control characters, and halves of surrogate pairs: two different ids must stay different once they are UTF-8. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;

export type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function parseId(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "" || value.length > MAX_ID || UNFIT.test(value)) {
    throw new FrameError(`${what} must be a string of 1 to ${MAX_ID} characters without control characters`);
  }
  return value;
}

/** A string for people to read; undefined when it is absent. */
export function parseLabel(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.length > MAX_NAME)
    throw new FrameError(`${what} must be a string of at most ${MAX_NAME} characters`);
  return value;
}

/** Throws FrameError for anything but a list of known segments. Keys that a segment does not have are left out. */
export function parseSegments(value: unknown): Segment[] {
  if (!Array.isArray(value) || value.length > MAX_SEGMENTS) throw new FrameError(`segments must be a list of at most ${MAX_SEGMENTS}`);
  return value.map(parseSegment);
}

function parseSegment(value: unknown): Segment {
  if (!isObject(value)) throw new FrameError("a segment must be an object");
  switch (value.type) {
    case "text":
    case "markdown":
      if (typeof value.text !== "string") throw new FrameError("a segment's text must be a string");
      return { type: value.type, text: value.text };
    case "image":
    case "file":
    case "voice":
    case "video":
      return parseMedia(value, value.type);
    case "mention":
      return parseMention(value);
    case "quote":
      return { type: "quote", id: parseId(value.id, "a quote's id") };
    case "location":
      return parseLocation(value);
    default:
      throw new FrameError("a segment's type must be text, markdown, image, file, voice, video, mention, quote or location");
  }
}

function parseMedia(value: Fields, type: MediaSegment["type"]): MediaSegment {
  const media: MediaSegment = { type };
  const { url, data, size } = value;
  if ((url === undefined) === (data === undefined)) throw new FrameError(`a segment of type ${type} needs either url or data`);
  if (url !== undefined) {
    if (typeof url !== "string" || url.length > MAX_URL || !/^https?:\/\//i.test(url))
      throw new FrameError("a url must begin with http:// or https://");
    media.url = url;
  }
  if (data !== undefined) {
    if (typeof data !== "string" || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
      throw new FrameError("data must be base64");
    media.data = data;
  }
  const name = parseLabel(value.name, "a segment's name");
  const mime = parseLabel(value.mime, "a segment's mime");
  if (name !== undefined) media.name = name;
  if (mime !== undefined) media.mime = mime;
  if (size !== undefined) {
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw new FrameError("a segment's size must be a number of bytes");
    media.size = size as number;
  }
  return media;
}

function parseMention(value: Fields): Segment {
  const name = parseLabel(value.name, "a mention's name");
  const named = name === undefined ? {} : { name };
  if (value.all === true) return { type: "mention", all: true, ...named };
  return { type: "mention", id: parseId(value.id, "a mention's id"), ...named };
}

function parseLocation(value: Fields): Segment {
  const { latitude, longitude } = value;
  const title = parseLabel(value.title, "a location's title");
  if (!isWithin(latitude, 90) || !isWithin(longitude, 180)) throw new FrameError("a location needs latitude and longitude in degrees");
  return { type: "location", latitude, longitude, ...(title === undefined ? {} : { title }) };
}

function isWithin(value: unknown, limit: number): value is number {
  return typeof value === "number" && Math.abs(value) <= limit;
}
