import type { Clock } from "clawdbot";
import type { DingtalkConfig } from "./config.ts";

/** A session is good for 90 minutes. */
const SESSION_MS = 5_400_000;

interface Written {
  id: string;
  text: string;
  from: string;
  group?: string;
}

export interface SimulatedMessages {
  /** The body of a robot message, with a session of its own. */
  body(message: Written): Record<string, unknown>;
  /** Where a live session leads: user in a direct chat, else group. */
  sessionOf(session: string): string | undefined;
  /** Ends all sessions before their time. */
  endSessions(): void;
}

/** What people write, as the platform passes it on: https://open.dingtalk.com/document/development/robot-message-type */
export function createSimulatedMessages(config: DingtalkConfig, clock: Clock, base: () => string): SimulatedMessages {
  const sessions = new Map<string, { conversation: string; until: number }>();
  const robot = "$:LWCP_v1:$robot==";
  let count = 0;

  return {
    body({ id, text, from, group }) {
      const session = `simulated${++count}`;
      const now = clock.now();
      sessions.set(session, { conversation: group ?? from, until: now + SESSION_MS });
      const isExternal = from.startsWith("$:");
      return {
        conversationId: group ?? `cid-${from}==`,
        conversationType: group === undefined ? "1" : "2",
        ...(group !== undefined && { conversationTitle: "测试群", isInAtList: true, atUsers: [{ dingtalkId: robot }] }),
        chatbotCorpId: "ding0123456789",
        chatbotUserId: robot,
        robotCode: config.robot_code ?? config.client_id,
        msgId: id,
        senderId: isExternal ? from : `$:LWCP_v1:$${from}`,
        ...(!isExternal && { senderStaffId: from, senderCorpId: "ding0123456789" }),
        senderNick: `昵称 ${from}`,
        isAdmin: from.startsWith("admin"),
        createAt: now,
        sessionWebhook: `${base()}/robot/sendBySession?session=${session}`,
        sessionWebhookExpiredTime: now + SESSION_MS,
        msgtype: "text",
        text: { content: group === undefined ? text : ` ${text}` },
      };
    },
    sessionOf(session) {
      const found = sessions.get(session);
      return found && clock.now() < found.until ? found.conversation : undefined;
    },
    endSessions: () => sessions.clear(),
  };
}
