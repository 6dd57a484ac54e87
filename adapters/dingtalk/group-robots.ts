import { type AdapterContext, RejectedError, type Reply, type SendResult } from "clawdbot";
import type { DingtalkConfig } from "./config.ts";
import { contentOf, webhookBody } from "./content.ts";
import type { Limits } from "./limits.ts";
import { generateSign } from "./sign.ts";
import { postToWebhook } from "./webhooks.ts";

const PREFIX = "webhook:";

/** Robots that only send, each to the group it was added to. Such a group is the conversation `webhook:NAME`. */
export interface GroupRobots {
  isOne(conversation: string): boolean;
  send(reply: Reply, signal: AbortSignal): Promise<SendResult>;
}

/** https://open.dingtalk.com/document/robots/custom-robot-access */
export function createGroupRobots(config: DingtalkConfig, context: AdapterContext, limits: Limits): GroupRobots {
  const client = context.client(config.oapi_base);
  return {
    isOne: (conversation) => conversation.startsWith(PREFIX),
    async send(reply, signal) {
      const name = reply.conversation.id.slice(PREFIX.length);
      const robot = Object.hasOwn(config.webhooks, name) ? config.webhooks[name] : undefined;
      if (!robot) throw new RejectedError(`no group robot "${name}" under webhooks`);
      const body = webhookBody(contentOf(reply));
      if (!body) throw new RejectedError("a group robot cannot send a file, only an address of one");
      let path = `/robot/send?access_token=${encodeURIComponent(robot.access_token)}`;
      if (robot.secret !== undefined) {
        const { timestamp, sign } = generateSign(robot.secret, context.clock.now());
        path += `&timestamp=${timestamp}&sign=${sign}`;
      }
      await postToWebhook({ client, limits }, { path, robot: `robot:${name}` }, body, signal);
      return { detail: "webhook" };
    },
  };
}
