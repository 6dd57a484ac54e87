import {
  type Adapter,
  type AdapterContext,
  defineAdapter,
  errorCode,
  errorText,
  type InboundMessage,
  OverloadedError,
  type RouteResponse,
  VerifyError,
} from "clawdbot";
import { createAccessTokens } from "./access-token.ts";
import { type QqConfig, qqConfig } from "./config.ts";
import { type Frame, isObject, OP } from "./event.ts";
import { createGateway } from "./gateway.ts";
import { createLedger } from "./ledger.ts";
import { createUpload } from "./media.ts";
import { normalise } from "./normalise.ts";
import { createRest } from "./rest.ts";
import { createSend } from "./send.ts";
import { merge, split } from "./split.ts";
import { createVerifier } from "./verify.ts";

const PATH = "/clawdbot/qq/callback";

/** A bot of QQ's open platform (QQ 机器人): messages in by the gateway's WebSocket or by webhook, replies out by REST. */
function createQqAdapter(config: QqConfig, context: AdapterContext): Adapter {
  const { clock, log, account } = context;
  const tokens = createAccessTokens(config, context);
  const rest = createRest(config, tokens, context);
  const ledger = createLedger(config, context);
  const upload = createUpload(rest, context);
  const gateway = config.mode === "websocket" ? createGateway({ config, context, tokens, rest, onEvent }) : undefined;
  let running = false;

  /** Resolves when the event is on disk, or was none to keep. */
  async function onEvent(frame: Frame): Promise<void> {
    const message = readable(frame);
    if (!message) return noteAudit(frame);
    ledger.heard(message.conversation.id, message.platformId, clock.now());
    try {
      await context.receive(message);
    } catch (error) {
      // It would be refused again each time that it is sent again, and hold up all that come after it.
      if (errorCode(error) !== "CLAWDBOT_ERR_INVALID") throw error;
      log.error("message left out: the store can never take it", { account, event: frame.t, error: errorText(error) });
      return;
    }
    if (frame.t === "INTERACTION_CREATE") void answerInteraction(frame);
  }

  /** An event that cannot be read will not be better when it comes again: it is left out, aloud. */
  function readable(frame: Frame): InboundMessage | undefined {
    try {
      return normalise(frame, account, clock.now());
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      log.warn("event left out: it is not what the platform documents", { account, event: frame.t, code: error.reason });
      return undefined;
    }
  }

  /** Ends the spinner on the button. https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/trans/msg-btn.html */
  async function answerInteraction({ d }: Frame): Promise<void> {
    const { id, type } = isObject(d) ? d : {};
    if (typeof id !== "string" || (type !== 11 && type !== 12)) return;
    await rest.call("PUT", `/interactions/${encodeURIComponent(id)}`, { body: { code: 0 } }).catch((error: unknown) => {
      log.warn("pressed button not answered", { account, error: errorText(error) });
    });
  }

  function noteAudit({ t, d }: Frame): void {
    if (t === "MESSAGE_AUDIT_REJECT") {
      log.warn("a reply did not pass the platform's audit", { account, audit: String(isObject(d) ? d.audit_id : "unknown") });
    }
  }

  if (config.mode === "webhook") {
    const verify = createVerifier(config, context);
    context.route("POST", PATH, async (request) => {
      const { frame, signed } = verify.frame(request);
      if (frame.op === OP.validation) return json(verify.validate(frame, signed));
      if (frame.op === OP.heartbeat) return json({ op: OP.heartbeatAck, d: frame.d ?? 0 });
      if (frame.op !== OP.dispatch) throw new VerifyError("op");
      if (!running) throw new OverloadedError("the channel is stopped");
      await onEvent(frame);
      return json({ op: OP.callbackAck, d: 0 });
    });
  }

  return {
    async start() {
      running = true;
      await gateway?.start();
    },
    async stop() {
      running = false;
      await gateway?.stop();
    },
    split,
    merge: (contents, conversation) => merge(contents, conversation, config.reply_windows),
    send: createSend({ config, context, rest, ledger, upload }),
  };
}

function json(body: unknown): RouteResponse {
  return { status: 200, body: JSON.stringify(body), contentType: "application/json" };
}

export default defineAdapter({
  name: "qq",
  configKey: "qq",
  language: "zh",
  config: qqConfig,
  create: createQqAdapter,
});
