import {
  type Adapter,
  type AdapterContext,
  type CanPreview,
  errorText,
  OverloadedError,
  type RouteResponse,
  type Service,
  VerifyError,
} from "clawdbot";
import { createAccessTokens } from "./access-token.ts";
import { createCardApi } from "./card-api.ts";
import { createCards } from "./cards.ts";
import type { AppConfig } from "./config.ts";
import { contentOf } from "./content.ts";
import { ackFrame, type Frame, ROBOT_TOPIC } from "./frames.ts";
import type { Limits } from "./limits.ts";
import { createMediaId } from "./media.ts";
import { isExternal, normalise } from "./normalise.ts";
import { createRobotApi } from "./robot-api.ts";
import { createSend } from "./send.ts";
import { createSessions } from "./sessions.ts";
import { createStream } from "./stream.ts";
import { requestStreamAddress } from "./stream-address.ts";
import { createVerifier } from "./verify.ts";

const PATH = "/clawdbot/dingtalk/callback";

/** Taken, and nothing to say in this answer: replies go their own way. Any other status counts as not received. */
const TAKEN: RouteResponse = { status: 200, body: '{"msgtype":"empty"}', contentType: "application/json" };

/** The robot of one app: messages in by Stream or by callback, replies out. */
export function createApp(config: AppConfig, context: AdapterContext, limits: Limits): Service & CanPreview & Pick<Adapter, "send"> {
  const { account, log, random } = context;
  const newId = () => Buffer.from(random.bytes(16)).toString("hex");
  const apiClient = context.client(config.api_base);
  const tokens = createAccessTokens(config, apiClient, context);
  const api = createRobotApi(apiClient, tokens, limits);
  const sessions = createSessions(config.oapi_base, context);
  const cards = createCards(createCardApi(config, api, limits, newId), { ...context, newId });
  const mediaId = createMediaId(context.client(config.oapi_base), tokens, context);
  const send = createSend({ config, context, api, sessions, limits, mediaId });
  const stream = createStream({
    ...context,
    answer,
    requestAddress: (signal) => requestStreamAddress(config, apiClient, signal),
  });
  let running = false;

  if (config.mode === "callback") {
    const verify = createVerifier(config.client_secret, context);
    context.route("POST", PATH, async (request) => {
      const data = verify(request);
      if (!running) throw new OverloadedError("the channel is stopped");
      await take(data);
      return TAKEN;
    });
  }

  /** Resolves when the message is on disk, and with it where to answer it. */
  async function take(data: unknown): Promise<void> {
    const { message, session } = normalise(data, account);
    const remembered = session && sessions.remember(message.conversation.id, session.webhook, session.expiresAt);
    await Promise.all([context.receive(message), remembered]);
  }

  async function answer(frame: Frame): Promise<string | undefined> {
    if (frame.type === "SYSTEM") return frame.topic === "ping" ? ackFrame(frame, 200, frame.data) : undefined;
    if (frame.topic !== ROBOT_TOPIC) return ackFrame(frame, 404);
    try {
      await take(JSON.parse(frame.data));
      return ackFrame(frame, 200);
    } catch (error) {
      const malformed = error instanceof VerifyError || error instanceof SyntaxError;
      log.warn(malformed ? "stream frame refused: no robot message" : "message not taken, the platform will push it again", {
        account,
        error: malformed ? undefined : errorText(error),
      });
      return malformed ? ackFrame(frame, 400) : undefined;
    }
  }

  return {
    async start() {
      running = true;
      await cards.start();
      if (config.mode === "stream") await stream.start();
    },
    async stop() {
      running = false;
      await Promise.all([stream.stop(), cards.stop()]);
    },
    async send(reply, attempt) {
      const content = contentOf(reply);
      const shown = content.kind === "text" || content.kind === "markdown" ? content.text : undefined;
      return (shown !== undefined && (await cards.finish(reply, shown, attempt.signal))) || (await send(reply, attempt));
    },
    preview(message, textSoFar) {
      if (config.card_template_id === "" || isExternal(message.conversation.id)) return;
      cards.preview(message, textSoFar);
    },
  };
}
