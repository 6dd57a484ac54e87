import { describe, expect, test } from "vitest";
import { createSignature } from "../../../adapters/qq/signature.ts";

const DOCS = "DG5g3B4j9X2KOErG";
const VALIDATION =
  "87befc99c42c651b3aac0278e71ada338433ae26fcb24307bdc5ad38c1adc2d01bcfcadc0842edac85e85205028a1132afe09280305f13aa6909ffc2d652c706";

/** The first from the platform's documentation, the third from its SDK for Go, the fourth from the documentation once more. */
const EVENTS: [name: string, secret: string, timestamp: string, body: string, signature: string][] = [
  [
    "an event",
    DOCS,
    "1725442341",
    '{"op":0,"id":"C2C_MESSAGE_CREATE:abc","d":{},"s":1,"t":"C2C_MESSAGE_CREATE"}',
    "25d5b0ef8e078754cddfd6708eb73780899de52aedf4e773b00246005aea2c2b3c31b06755fcefeeb7eb6734d60557eb6cc2df7623c93222689906537389ac08",
  ],
  [
    "Chinese, with a short secret",
    "123456abcdef",
    "1728981195",
    '{"id":"ROBOT1.0_veoihSEXDc8Q.g-6eLpNIa11bH8MisOjn-m-LKxCPntMk6exUXgcWCGpVO7L2QKTNZzjZzFFDSbiOFcqAPWyVA!!","content":"哦一下","timestamp":"2024-10-15T16:33:15+08:00","author":{"id":"675860273","user_openid":"675860273"}}',
    "e949b5b94ef4103df903fb031d1d16e358db3db83e79e117edd404c8508be3ce8a76d7bad1bed353194c126a1a5915b4ad8b5288c1191cc53a12acffccd82004",
  ],
  [
    "the documentation's example, with the blanks that it was signed with",
    "naOC0ocQE3shWLAfffVLB1rhYPG7",
    "1725442341",
    '{\n  "op": 0,\n  "d": {},\n  "t": "GATEWAY_EVENT_NAME"\n}',
    "865ad13a61752ca65e26bde6676459cd36cf1be609375b37bd62af366e1dc25a8dc789ba7f14e017ada3d554c671a911bfdf075ba54835b23391d509579ed002",
  ],
];

test("the check of the callback URL is signed as the documentation's example", () => {
  expect(createSignature(DOCS).sign("1725442341", "Arq0D5A61EgUu4OxUvOp")).toBe(VALIDATION);
});

describe.each(EVENTS)("the signature of %s", (_name, secret, timestamp, body, signature) => {
  test("is right, and is wrong for any other body, timestamp or secret", () => {
    const key = createSignature(secret);
    expect(key.isSigned(signature, timestamp, Buffer.from(body))).toBe(true);
    expect(key.isSigned(signature.toUpperCase(), timestamp, Buffer.from(body))).toBe(true);
    expect(key.isSigned(signature, timestamp, Buffer.from(`${body} `))).toBe(false);
    expect(key.isSigned(signature, `${timestamp}1`, Buffer.from(body))).toBe(false);
    expect(createSignature(`${secret}x`).isSigned(signature, timestamp, Buffer.from(body))).toBe(false);
  });
});

test.each([
  ["empty", ""],
  ["too short", VALIDATION.slice(2)],
  ["too long", `${VALIDATION}00`],
  ["not hexadecimal", VALIDATION.replace("8", "g")],
  ["with high bits in its last byte", `${VALIDATION.slice(0, 126)}e6`],
  ["zero", "0".repeat(128)],
])("a signature that is %s is wrong and throws nothing", (_name, signature) => {
  expect(createSignature(DOCS).isSigned(signature, "1725442341", Buffer.from("Arq0D5A61EgUu4OxUvOp"))).toBe(false);
});

test("a secret of 32 characters and more is cut, not refused", () => {
  const long = createSignature("x".repeat(40));
  expect(long.sign("1", "a")).toBe(createSignature("x".repeat(32)).sign("1", "a"));
});
