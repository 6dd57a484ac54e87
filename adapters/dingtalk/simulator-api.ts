import type { Clock } from "clawdbot";
import type { DingtalkConfig } from "./config.ts";

const TOKEN_SECONDS = 7200;
const MAX_USERS = 20;
const MAX_PARAM_BYTES = 15_000;

/** An answer of the new API: status and JSON. */
export interface ApiAnswer {
  status: number;
  body: unknown;
}

export interface SimulatedCard {
  conversation: string;
  flowStatus: string;
  text: string;
  finalised: boolean;
  /** What streaming calls showed, in order. */
  shown: string[];
}

export interface SimulatedNewApi {
  readonly cards: ReadonlyMap<string, SimulatedCard>;
  isToken(token: string | null | undefined): boolean;
  /** From now on the token is refused. */
  expireToken(): void;
  token(body: Record<string, unknown>): ApiAnswer;
  /** Any call that needs a token; undefined for a path that is none. */
  call(path: string, token: string | undefined, body: Record<string, unknown>): ApiAnswer | undefined;
}

export interface NewApiParts {
  config: DingtalkConfig;
  clock: Clock;
  show(conversation: string, text: string, raw: unknown): void;
}

/** The new API of one app: tokens, robot messages and cards. https://open.dingtalk.com/document/development/api-overview */
export function createSimulatedNewApi(on: NewApiParts): SimulatedNewApi {
  const { config, clock } = on;
  const robotCode = config.robot_code ?? config.client_id;
  const cards = new Map<string, SimulatedCard>();
  let token: { value: string; until: number } | undefined;
  let tokens = 0;
  let queries = 0;

  function sent(): ApiAnswer {
    return { status: 200, body: { processQueryKey: `simulated-${++queries}` } };
  }

  function batchSend(body: Record<string, unknown>): ApiAnswer {
    const users = body.userIds as string[];
    if (users.length > MAX_USERS) return refusal(400, "param.userIds.overLimit", "at most 20 users");
    if (users.some((user) => user.startsWith("$:"))) return refusal(400, "staffId.notExisted", "staffId不存在");
    const text = textOf(body);
    if (typeof text !== "string") return text;
    const invalidStaffIdList = users.filter((user) => user.startsWith("invalid"));
    const flowControlledStaffIdList = users.filter((user) => user.startsWith("flowed"));
    for (const user of users) {
      if (!invalidStaffIdList.includes(user) && !flowControlledStaffIdList.includes(user)) on.show(user, text, body);
    }
    const { status, body: answer } = sent();
    return { status, body: { ...(answer as object), invalidStaffIdList, flowControlledStaffIdList } };
  }

  function groupSend(body: Record<string, unknown>): ApiAnswer {
    const text = textOf(body);
    if (typeof text !== "string") return text;
    on.show(String(body.openConversationId), text, body);
    return sent();
  }

  function createCard(body: Record<string, unknown>): ApiAnswer {
    const { cardParamMap } = body.cardData as { cardParamMap: Record<string, string> };
    const conversation = String(body.openSpaceId).replace(/^dtv1\.card\/\/IM_(GROUP|ROBOT)\./, "");
    const { flowStatus = "", msgContent = "" } = cardParamMap;
    cards.set(String(body.outTrackId), { conversation, flowStatus, text: msgContent, finalised: false, shown: [] });
    return { status: 200, body: { success: true, result: { deliverResults: [{ success: true }] } } };
  }

  function updateCard(body: Record<string, unknown>): ApiAnswer {
    const card = cards.get(String(body.outTrackId));
    if (!card) return refusal(400, "param.cardNotExist", "card not exist");
    const { flowStatus = card.flowStatus, msgContent = card.text } = (body.cardData as { cardParamMap: Record<string, string> })
      .cardParamMap;
    Object.assign(card, { flowStatus, text: msgContent });
    return { status: 200, body: { success: true } };
  }

  function streamCard(body: Record<string, unknown>): ApiAnswer {
    const card = cards.get(String(body.outTrackId));
    if (!card) return refusal(400, "param.cardNotExist", "card not exist");
    card.text = String(body.content);
    card.shown.push(card.text);
    if (body.isFinalize) {
      // A second one leaves the screen as it is.
      if (!card.finalised || card.shown.at(-2) !== card.text) on.show(card.conversation, card.text, body);
      card.finalised = true;
    }
    return { status: 200, body: { success: true, result: true } };
  }

  function textOf(body: Record<string, unknown>): string | ApiAnswer {
    if (body.robotCode !== robotCode) return refusal(404, "resource.not.found", "robot 不存在");
    const text = String(body.msgParam);
    if (Buffer.byteLength(text) > MAX_PARAM_BYTES) return refusal(400, "param.msgParam.overLimit", "msgParam too long");
    const param = JSON.parse(text) as Record<string, string>;
    const shown = param.content ?? param.text ?? param.photoURL ?? param.mediaId;
    return shown ? shown : refusal(400, "param.msgParam.invalid", "msgParam无效");
  }

  const calls: Record<string, (body: Record<string, unknown>) => ApiAnswer> = {
    "POST /v1.0/robot/oToMessages/batchSend": batchSend,
    "POST /v1.0/robot/groupMessages/send": groupSend,
    "POST /v1.0/card/instances/createAndDeliver": createCard,
    "PUT /v1.0/card/instances": updateCard,
    "PUT /v1.0/card/streaming": streamCard,
  };

  const isToken = (given: string | null | undefined) => token !== undefined && given === token.value && clock.now() < token.until;

  return {
    cards,
    isToken,
    expireToken() {
      token = undefined;
    },
    token(body) {
      if (body.appKey !== config.client_id || body.appSecret !== config.client_secret) {
        return refusal(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret");
      }
      if (!token || clock.now() >= token.until) token = { value: `simulated-token-${++tokens}`, until: clock.now() + TOKEN_SECONDS * 1000 };
      return { status: 200, body: { accessToken: token.value, expireIn: Math.ceil((token.until - clock.now()) / 1000) } };
    },
    call(path, given, body) {
      const handle = calls[path];
      if (!handle) return undefined;
      return isToken(given) ? handle(body) : refusal(400, "InvalidAuthentication", "不合法的access_token");
    },
  };
}

export function refusal(status: number, code: string, message: string): ApiAnswer {
  return { status, body: { code, requestid: "SIMULATED-0001", message } };
}
