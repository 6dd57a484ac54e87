import { type Adapter, type AdapterContext, defineAdapter, RejectedError } from "clawdbot";
import { createApp } from "./app.ts";
import { appOf, type DingtalkConfig, dingtalkConfig } from "./config.ts";
import { createGroupRobots } from "./group-robots.ts";
import { createLimits } from "./limits.ts";
import { split } from "./split.ts";

/** DingTalk (钉钉): an app's robot, group robots that only send, or both. */
function createDingtalkAdapter(config: DingtalkConfig, context: AdapterContext): Adapter {
  const limits = createLimits(context.clock);
  const robots = createGroupRobots(config, context, limits);
  const appConfig = appOf(config);
  const app = appConfig && createApp(appConfig, context, limits);

  return {
    async start() {
      if (app) await app.start();
      else context.report({ receiving: true, detail: "group robots only: nothing to receive" });
    },
    async stop() {
      await app?.stop();
    },
    split,
    async send(reply, attempt) {
      if (robots.isOne(reply.conversation.id)) return await robots.send(reply, attempt.signal);
      if (!app) throw new RejectedError("without client_id only webhook:NAME can be written to");
      return await app.send(reply, attempt);
    },
    preview: (message, textSoFar) => app?.preview(message, textSoFar),
  };
}

export default defineAdapter({
  name: "dingtalk",
  configKey: "dingtalk",
  language: "zh",
  config: dingtalkConfig,
  create: createDingtalkAdapter,
});
