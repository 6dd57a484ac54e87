import { type AdapterContext, type Attempt, RateLimitError, RejectedError, type Reply, type SendResult } from "clawdbot";
import { UnknownWebhookError } from "./answer.ts";
import type { AppConfig } from "./config.ts";
import { type Content, contentOf, type RobotMessage, robotFile, robotImage, robotMessage, webhookBody } from "./content.ts";
import type { Limits } from "./limits.ts";
import type { MediaId } from "./media.ts";
import { isExternal } from "./normalise.ts";
import type { RobotApi } from "./robot-api.ts";
import type { Sessions } from "./sessions.ts";
import { postToWebhook } from "./webhooks.ts";

/** The platform has not said how long it holds a user's messages back. */
const FLOW_CONTROL_MS = 60_000;

export interface SendParts {
  config: AppConfig;
  context: AdapterContext;
  api: RobotApi;
  sessions: Sessions;
  limits: Limits;
  mediaId: MediaId;
}

/**
 * Sends one reply: by the conversation's session while that lives, which needs no permission and no token, else by the robot API.
 * Images and files go by the robot API first, since a session can only link to them.
 */
export function createSend(on: SendParts): (reply: Reply, attempt: Attempt) => Promise<SendResult> {
  const { config, api, sessions, limits } = on;
  const client = on.context.client(new URL(config.oapi_base).origin);

  async function bySession(reply: Reply, path: string, body: Record<string, unknown>, signal: AbortSignal): Promise<SendResult> {
    const { id, type } = reply.conversation;
    try {
      await postToWebhook({ client, limits }, { path, robot: type === "group" ? `session:${id}` : undefined }, body, signal);
      return { detail: "session" };
    } catch (error) {
      if (error instanceof UnknownWebhookError) await sessions.forget(id, path);
      throw error;
    }
  }

  /** https://open.dingtalk.com/document/development/chatbots-send-one-on-one-chat-messages-in-batches */
  async function byRobot(reply: Reply, { msgKey, msgParam }: RobotMessage, signal: AbortSignal): Promise<SendResult> {
    const { id, type } = reply.conversation;
    const message = { robotCode: config.robot_code, msgKey, msgParam: JSON.stringify(msgParam) };
    if (type === "group") {
      return resultOf(await api.call("POST", "/v1.0/robot/groupMessages/send", { ...message, openConversationId: id }, signal));
    }
    const answer = await api.call("POST", "/v1.0/robot/oToMessages/batchSend", { ...message, userIds: [id] }, signal);
    if (names(answer.invalidStaffIdList, id)) throw new RejectedError("DingTalk knows no such user in this organisation", "invalidStaffId");
    if (names(answer.flowControlledStaffIdList, id)) throw new RateLimitError(FLOW_CONTROL_MS, "DingTalk holds back messages to this user");
    return resultOf(answer);
  }

  async function inRobotForm(content: Content, signal: AbortSignal): Promise<RobotMessage> {
    if (content.kind !== "media") return robotMessage(content);
    const { media } = content;
    if (media.type === "image") return robotImage(media.url ?? (await on.mediaId(media, media.name ?? "image.png", signal)));
    const name = media.name ?? "file";
    return robotFile(await on.mediaId(media, name, signal), name);
  }

  return async (reply, { signal }) => {
    const content = contentOf(reply);
    const { id, type } = reply.conversation;
    const reachable = type === "group" || !isExternal(id);
    const viaRobot = async () => await byRobot(reply, await inRobotForm(content, signal), signal);
    if (content.kind === "media" && reachable) return await viaRobot();
    const body = webhookBody(content);
    const path = body && (await sessions.find(id));
    if (path) {
      try {
        return await bySession(reply, path, body, signal);
      } catch (error) {
        // The session is over or has said enough for now: it surely took nothing, and the robot API has limits of its own.
        const tookNothing = error instanceof RateLimitError || error instanceof UnknownWebhookError;
        if (!tookNothing || !reachable) throw error;
      }
    }
    if (reachable) return await viaRobot();
    if (!body) throw new RejectedError("a file can only be sent to users of this organisation");
    throw new RejectedError("people outside the organisation can only be answered while the session of their last message lives");
  };
}

function resultOf({ processQueryKey }: Record<string, unknown>): SendResult {
  return { ...(typeof processQueryKey === "string" && { platformId: processQueryKey }), detail: "robot" };
}

function names(list: unknown, user: string): boolean {
  return Array.isArray(list) && list.includes(user);
}
