import { createCipheriv, createDecipheriv, createSecretKey, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { VerifyError } from "clawdbot";

const BLOCK = 32;
/** 16 random bytes and the message's length. */
const HEAD = 20;

export interface CallbackCrypto {
  /** Lower-case hex SHA-1 over the sorted parts. */
  sign(timestamp: string, nonce: string, encrypted: string): string;
  /** Whether the signature is ours, in constant time. Ask before decrypting anything. */
  isSigned(signature: string, timestamp: string, nonce: string, encrypted: string): boolean;
  /** The message inside, addressed to our receiver id. Throws VerifyError for anything else. */
  decrypt(encrypted: string): string;
  encrypt(message: string, random?: Uint8Array): string;
}

/**
 * Signature and cipher of callbacks: AES-256-CBC, padded to 32 bytes. Why not the vendor's library: docs/decisions/0001-wecom-crypto.md.
 * https://developer.work.weixin.qq.com/document/path/90968
 */
export function createCallbackCrypto(options: { token: string; encodingAesKey: string; receiverId: string }): CallbackCrypto {
  const { token, receiverId } = options;
  const secret = Buffer.from(options.encodingAesKey, "base64");
  const key = createSecretKey(secret);
  const iv = secret.subarray(0, 16);

  function sign(timestamp: string, nonce: string, encrypted: string): string {
    return hash("sha1", [token, timestamp, nonce, encrypted].sort().join(""));
  }

  return {
    sign,
    isSigned(signature, timestamp, nonce, encrypted) {
      const given = Buffer.from(signature);
      return given.length === 40 && timingSafeEqual(given, Buffer.from(sign(timestamp, nonce, encrypted)));
    },
    decrypt(encrypted) {
      const size = decodedSize(encrypted);
      if (size === 0 || size % BLOCK !== 0) throw new VerifyError("ciphertext");
      // Without automatic padding update() already returns everything; what is not base64 is skipped and makes it shorter.
      const plain = createDecipheriv("aes-256-cbc", key, iv).setAutoPadding(false).update(encrypted, "base64");
      if (plain.length !== size) throw new VerifyError("ciphertext");
      const pad = plain[size - 1]!;
      if (pad < 1 || pad > BLOCK) throw new VerifyError("padding");
      const end = size - pad;
      for (let at = end; at < size; at++) if (plain[at] !== pad) throw new VerifyError("padding");
      if (end < HEAD) throw new VerifyError("length");
      const messageEnd = HEAD + plain.readUInt32BE(16);
      if (messageEnd > end) throw new VerifyError("length");
      if (plain.toString("latin1", messageEnd, end) !== receiverId) throw new VerifyError("receiver");
      return plain.toString("utf8", HEAD, messageEnd);
    },
    encrypt(message, random = randomBytes(16)) {
      const length = HEAD + Buffer.byteLength(message) + Buffer.byteLength(receiverId);
      const pad = BLOCK - (length % BLOCK);
      const plain = Buffer.alloc(length + pad, pad);
      plain.set(random);
      const messageLength = plain.write(message, HEAD);
      plain.writeUInt32BE(messageLength, 16);
      plain.write(receiverId, HEAD + messageLength);
      return createCipheriv("aes-256-cbc", key, iv).setAutoPadding(false).update(plain).toString("base64");
    },
  };
}

/** How many bytes well-formed base64 of this length stands for; 0 when it cannot be well-formed. */
function decodedSize(base64: string): number {
  if (base64.length % 4 !== 0) return 0;
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}
