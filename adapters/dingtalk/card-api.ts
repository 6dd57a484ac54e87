import { type Conversation, RejectedError } from "clawdbot";
import { cardText } from "./card-text.ts";
import type { AppConfig } from "./config.ts";
import type { Limits } from "./limits.ts";
import type { RobotApi } from "./robot-api.ts";

/** The platform is believed to bear 40 a second for an app; half of that, over all its cards. */
const PER_SECOND = 20;

/** The variable of the card's template that holds the text. */
const TEXT_KEY = "msgContent";
/** How the template shows the card. Left at "inputting" it turns a spinner for ever. */
const FLOW = { processing: "1", inputting: "2", finished: "3" } as const;

/** Calls on one AI card, by the id that we gave it. https://open.dingtalk.com/document/development/api-streamingupdate */
export interface CardApi {
  /** Puts an empty card into the conversation. */
  create(id: string, conversation: Conversation): Promise<void>;
  /** Shows the whole text so far; with `last`, for good. Repeating it changes nothing. */
  show(id: string, text: string, last: boolean, signal?: AbortSignal): Promise<void>;
  /** Ends the spinner, with the text that stays. */
  finish(id: string, text: string, signal?: AbortSignal): Promise<void>;
}

export function createCardApi(config: AppConfig, api: RobotApi, limits: Limits, newId: () => string): CardApi {
  const { robot_code: robotCode, card_template_id: cardTemplateId } = config;

  async function update(id: string, cardParamMap: Record<string, string>, signal?: AbortSignal): Promise<void> {
    const body = { outTrackId: id, cardData: { cardParamMap }, cardUpdateOptions: { updateCardDataByKey: true } };
    await api.call("PUT", "/v1.0/card/instances", body, signal);
  }

  return {
    async create(id, conversation) {
      const where =
        conversation.type === "group"
          ? { openSpaceId: `dtv1.card//IM_GROUP.${conversation.id}`, imGroupOpenDeliverModel: { robotCode } }
          : { openSpaceId: `dtv1.card//IM_ROBOT.${conversation.id}`, imRobotOpenDeliverModel: { spaceType: "IM_ROBOT", robotCode } };
      const answer = await api.call("POST", "/v1.0/card/instances/createAndDeliver", {
        cardTemplateId,
        outTrackId: id,
        cardData: { cardParamMap: { flowStatus: FLOW.processing, [TEXT_KEY]: "" } },
        callbackType: "STREAM",
        imGroupOpenSpaceModel: { supportForward: true },
        imRobotOpenSpaceModel: { supportForward: true },
        userIdType: 1,
        ...where,
      });
      const { deliverResults = [] } = (answer.result ?? {}) as { deliverResults?: { success?: boolean }[] };
      if (deliverResults.some(({ success }) => success === false)) throw new RejectedError("DingTalk did not deliver the card");
      // Without this it shows the text all the same, only under another heading.
      await update(id, { flowStatus: FLOW.inputting }).catch(() => undefined);
    },
    async show(id, text, last, signal) {
      if (!last) limits.use("card", PER_SECOND, 1000);
      const content = { key: TEXT_KEY, content: cardText(text), isFull: true, isFinalize: last, isError: false };
      await api.call("PUT", "/v1.0/card/streaming", { outTrackId: id, guid: newId(), ...content }, signal);
    },
    async finish(id, text, signal) {
      await update(id, { flowStatus: FLOW.finished, [TEXT_KEY]: cardText(text) }, signal);
    },
  };
}
