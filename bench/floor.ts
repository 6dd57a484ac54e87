/**
 * The bare floor: what a durable WeCom echo costs with nothing around it. node:http, a lean decoder, SQLite with one synchronous=FULL
 * commit per turn of the event loop, and one pooled outbound call. No permission, no limits, no order, no retries, no logs, no metrics.
 * argv: database file, port of the platform. Prints its port.
 */
import { createDecipheriv, createSecretKey, hash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Database from "better-sqlite3";
import { Pool } from "undici";
import { account } from "./callbacks.ts";

const [, , file = "", platformPort = ""] = process.argv;
const key = Buffer.from(`${account.encoding_aes_key}=`, "base64");
const keyObject = createSecretKey(key);
const iv = key.subarray(0, 16);

const database = new Database(file);
database.pragma("journal_mode=WAL");
database.pragma("synchronous=FULL");
database.exec(
  `CREATE TABLE inbox(seq INTEGER PRIMARY KEY, channel TEXT NOT NULL, ext_id TEXT NOT NULL, conversation TEXT NOT NULL, body TEXT NOT NULL,
   ts INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, UNIQUE(channel, ext_id))`,
);
const insert = database.prepare("INSERT INTO inbox(channel, ext_id, conversation, body, ts) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING");
const done = database.prepare("UPDATE inbox SET state = 2 WHERE seq = ?");
const begin = database.prepare("BEGIN IMMEDIATE");
const commit = database.prepare("COMMIT");

interface Decoded {
  id: string;
  user: string;
  text: string;
  at: number;
}

let accepts: { message: Decoded; then: (seq: number | bigint) => void }[] = [];
let marks: (number | bigint)[] = [];
let armed = false;

function flush(): void {
  armed = false;
  const batch = accepts;
  const ended = marks;
  accepts = [];
  marks = [];
  begin.run();
  const seqs = batch.map(({ message }) => insert.run("wecom", message.id, message.user, message.text, message.at).lastInsertRowid);
  for (const seq of ended) done.run(seq);
  commit.run();
  batch.forEach(({ then }, index) => {
    then(seqs[index]!);
  });
}

function soon(): void {
  if (armed) return;
  armed = true;
  setImmediate(flush);
}

function tag(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`) + name.length + 2;
  if (xml.startsWith("<![CDATA[", start)) return xml.slice(start + 9, xml.indexOf("]]>", start));
  return xml.slice(start, xml.indexOf("<", start));
}

function parameter(url: string, name: string): string {
  const start = url.indexOf(`${name}=`) + name.length + 1;
  const end = url.indexOf("&", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

function decode(url: string, body: string): Decoded {
  const encrypted = tag(body, "Encrypt");
  const wanted = hash("sha1", [account.token, parameter(url, "timestamp"), parameter(url, "nonce"), encrypted].sort().join(""));
  if (!timingSafeEqual(Buffer.from(parameter(url, "msg_signature"), "latin1"), Buffer.from(wanted, "latin1"))) throw new Error("signature");
  const plain = createDecipheriv("aes-256-cbc", keyObject, iv).setAutoPadding(false).update(encrypted, "base64");
  const length = plain.readUInt32BE(16);
  const xml = plain.toString("utf8", 20, 20 + length);
  return { id: tag(xml, "MsgId"), user: tag(xml, "FromUserName"), text: tag(xml, "Content"), at: Number(tag(xml, "CreateTime")) };
}

const pool = new Pool(`http://127.0.0.1:${platformPort}`, { connections: 32, pipelining: 1 });
const headers = { "content-type": "application/json" };

async function answer(message: Decoded, seq: number | bigint): Promise<void> {
  const text = { content: message.text.slice("/echo ".length) };
  const body = JSON.stringify({ touser: message.user, msgtype: "text", agentid: account.agent_id, text });
  const response = await pool.request({ path: "/cgi-bin/message/send?access_token=x", method: "POST", headers, body });
  JSON.parse(await response.body.text());
  marks.push(seq);
  soon();
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const message = decode(request.url!, (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString("latin1"));
    const then = (seq: number | bigint) => {
      response.writeHead(200, { "Content-Length": 0 });
      response.end();
      void answer(message, seq);
    };
    accepts.push({ message, then });
    soon();
  });
});
server.listen(0, "127.0.0.1", 1024, () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
