import type { Random } from "clawdbot";

/** A file that is uploaded with a call. */
export interface FilePart {
  /** The parameter that it is. */
  field: string;
  name: string;
  mime: string;
  data: Buffer;
}

/**
 * A call as multipart/form-data: https://core.telegram.org/bots/api#sending-files. Objects and lists go as JSON text, without
 * exception: one that is left out or written as "[object Object]" is how replies lose what they answer.
 */
export function encodeMultipart(
  parameters: Readonly<Record<string, unknown>>,
  file: FilePart,
  random: Random,
): { body: Buffer; contentType: string } {
  const boundary = `clawdbot-${Buffer.from(random.bytes(18)).toString("hex")}`;
  const fields = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => part(boundary, name, typeof value === "object" ? JSON.stringify(value) : String(value)));
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${file.field}"; filename="${quoted(file.name)}"\r\nContent-Type: ${file.mime}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(fields.join("") + head), file.data, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { body, contentType: `multipart/form-data; boundary=${boundary}` };
}

function part(boundary: string, name: string, value: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

/** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function quoted(name: string): string {
  return name.replace(/["\r\n]/g, (character) => encodeURIComponent(character));
}
