import { createCipheriv, randomBytes } from "node:crypto";
import * as peer from "@wecom/crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCallbackCrypto } from "../../../adapters/wecom/crypto.ts";
import { VerifyError } from "../../../src/errors.ts";
import { emptyReceiver, encryption, fixedRandom, message, official, urlCheck, wechatpy } from "./vectors.ts";

const ours = createCallbackCrypto(official);

/** Encrypts a block as it is, whatever it says about itself. */
function seal(plain: Buffer): string {
  const key = Buffer.from(official.encodingAesKey, "base64");
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.final()]).toString("base64");
}

function block(text: string, receiver: string, change: (plain: Buffer) => void = () => {}): string {
  const length = 20 + text.length + receiver.length;
  const pad = 32 - (length % 32);
  const plain = Buffer.alloc(length + pad, pad);
  randomBytes(16).copy(plain);
  plain.writeUInt32BE(text.length, 16);
  plain.write(text + receiver, 20);
  change(plain);
  return seal(plain);
}

const reasonOf = (encrypted: string): string => {
  try {
    ours.decrypt(encrypted);
  } catch (error) {
    if (error instanceof VerifyError) return error.reason;
    throw error;
  }
  return "taken";
};

describe("vectors", () => {
  test("the official check of the URL", () => {
    expect(ours.isSigned(urlCheck.signature, urlCheck.timestamp, urlCheck.nonce, urlCheck.echostr)).toBe(true);
    expect(ours.decrypt(urlCheck.echostr)).toBe(urlCheck.plain);
  });

  test("the official message", () => {
    expect(ours.isSigned(message.signature, message.timestamp, message.nonce, message.encrypted)).toBe(true);
    expect(ours.decrypt(message.encrypted)).toBe(message.plain);
  });

  test("encryption with a known random part", () => {
    expect(ours.encrypt(encryption.plain, fixedRandom)).toBe(encryption.encrypted);
    expect(ours.sign(encryption.timestamp, encryption.nonce, encryption.encrypted)).toBe(encryption.signature);
  });

  test("an empty receiver id", () => {
    const bot = createCallbackCrypto({ ...official, receiverId: "" });
    expect(bot.encrypt(emptyReceiver.plain, fixedRandom)).toBe(emptyReceiver.encrypted);
    expect(bot.sign(encryption.timestamp, encryption.nonce, emptyReceiver.encrypted)).toBe(emptyReceiver.signature);
    expect(bot.decrypt(emptyReceiver.encrypted)).toBe(emptyReceiver.plain);
  });

  test("wechatpy's check of the URL, which fails with another nonce", () => {
    const crypto = createCallbackCrypto(wechatpy.keys);
    expect(crypto.isSigned(wechatpy.signature, wechatpy.timestamp, wechatpy.nonce, wechatpy.echostr)).toBe(true);
    expect(crypto.isSigned(wechatpy.signature, wechatpy.timestamp, "437374424", wechatpy.echostr)).toBe(false);
    expect(crypto.decrypt(wechatpy.echostr)).toBe(wechatpy.plain);
  });
});

describe("against @wecom/crypto", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });

  test("each decrypts what the other encrypts, and both sign alike", () => {
    fc.assert(
      fc.property(text, text, fc.string(), (plain, random, nonce) => {
        const body = Buffer.from(plain).toString();
        const theirs = peer.encrypt(official.encodingAesKey, body, official.receiverId);
        expect(ours.decrypt(theirs)).toBe(body);
        const mine = ours.encrypt(body);
        expect(peer.decrypt(official.encodingAesKey, mine)).toMatchObject({ message: body, id: official.receiverId });
        expect(ours.sign("1409735669", nonce, random)).toBe(peer.getSignature(official.token, "1409735669", nonce, random));
      }),
      { numRuns: 300 },
    );
  });

  test("a key whose last character has stray bits is the same key as its canonical form", () => {
    const canonical = Buffer.from(official.encodingAesKey, "base64").toString("base64").slice(0, 43);
    expect(canonical).not.toBe(official.encodingAesKey);
    expect(createCallbackCrypto({ ...official, encodingAesKey: canonical }).decrypt(message.encrypted)).toBe(message.plain);
  });
});

describe("a wrong signature", () => {
  const { signature, timestamp, nonce, encrypted } = message;

  test.each([
    ["empty", ""],
    ["cut short", signature.slice(0, 39)],
    ["too long", `${signature}0`],
    ["in capitals", signature.toUpperCase()],
    ["of other letters with the same low byte", signature.replaceAll("d", "Ť")],
    ["with one digit changed", signature.replace("4", "5")],
  ])("%s is told from the right one", (_name, wrong) => {
    expect(wrong).not.toBe(signature);
    expect(ours.isSigned(wrong, timestamp, nonce, encrypted)).toBe(false);
  });
});

describe("a ciphertext that was signed but is not right", () => {
  test("is taken only when nothing is wrong with it", () => expect(reasonOf(block("hi", official.receiverId))).toBe("taken"));

  test("is refused when it is not base64", () => {
    const good = block("hi", official.receiverId);
    for (const bad of ["", "=", "====", `*${good.slice(1)}`, ` ${good}   `, good.slice(0, -1), `${good.slice(0, 8)}=${good.slice(9)}`]) {
      expect(reasonOf(bad)).toBe("ciphertext");
    }
  });

  test("is refused when it does not fill blocks of 32 bytes", () => {
    expect(reasonOf(seal(Buffer.alloc(16, 16)))).toBe("ciphertext");
    expect(reasonOf(seal(Buffer.alloc(48, 16)))).toBe("ciphertext");
  });

  test("is refused for each wrong byte of padding", () => {
    for (const pad of [0, 33, 255]) {
      expect(reasonOf(block("hi", official.receiverId, (plain) => plain.writeUInt8(pad, plain.length - 1)))).toBe("padding");
    }
    const clean = Buffer.alloc(64, 24);
    clean.writeUInt32BE(2, 16);
    clean.write(`hi${official.receiverId}`, 20);
    expect(reasonOf(seal(clean))).toBe("taken");
    for (let at = 40; at < 64; at++) {
      const dirty = Buffer.from(clean);
      dirty[at]! ^= 1;
      expect(reasonOf(seal(dirty)), `byte ${at}`).toBe("padding");
    }
  });

  test("is refused when its length points beyond its end", () => {
    for (const length of [0x7fffffff, 0xffffffff, 45]) {
      expect(reasonOf(block("hi", official.receiverId, (plain) => plain.writeUInt32BE(length, 16)))).toBe("length");
    }
    expect(reasonOf(seal(Buffer.alloc(32, 32)))).toBe("length");
  });

  test("is refused when it is for another receiver", () => {
    for (const receiver of ["", "wx5823bf96d3bd56c8", `${official.receiverId}x`]) expect(reasonOf(block("hi", receiver))).toBe("receiver");
    expect(reasonOf(block("hi", official.receiverId, (plain) => plain.writeUInt32BE(1, 16)))).toBe("receiver");
  });

  test("never brings up anything but a refusal, whatever bytes it holds", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(reasonOf(Buffer.from(bytes).toString("base64"))).not.toBe("taken");
      }),
      { numRuns: 2000 },
    );
  });
});
