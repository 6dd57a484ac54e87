import { type Adapter, type AdapterContext, defineAdapter, OverloadedError, type RouteResponse } from "clawdbot";
import { type WecomConfig, wecomConfig } from "./config.ts";
import { normalise } from "./normalise.ts";
import { createSend } from "./send.ts";
import { split } from "./split.ts";
import { createVerifier } from "./verify.ts";

const PATH = "/clawdbot/wechat/callback";

/** Taken, and nothing to say in this answer: replies are sent actively. Any other status has the platform deliver again. */
const TAKEN: RouteResponse = { status: 200, body: "" };

/** A self-built app of WeCom (企业微信): direct messages in by callback, replies out by message/send. */
function createWecomAdapter(config: WecomConfig, context: AdapterContext): Adapter {
  const verify = createVerifier(config, context);
  let running = false;

  context.route("GET", PATH, (request) => ({ status: 200, body: verify.challenge(request), contentType: "text/plain" }));
  context.route("POST", PATH, async (request) => {
    const message = normalise(verify.callback(request), context.account);
    if (!running) throw new OverloadedError("the channel is stopped");
    await context.receive(message);
    return TAKEN;
  });

  return {
    async start() {
      running = true;
    },
    async stop() {
      running = false;
    },
    split,
    send: createSend(config, context),
  };
}

export default defineAdapter({
  name: "wecom",
  configKey: "wechat_enterprise",
  configAliases: ["wechat"],
  language: "zh",
  config: wecomConfig,
  create: createWecomAdapter,
});
