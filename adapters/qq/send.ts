import { type AdapterContext, type Attempt, RateLimitError, RejectedError, type Reply, type Segment, type SendResult } from "clawdbot";
import { auditOf, checkAnswer, parseBody, RefusedForm, TooFastError } from "./answer.ts";
import type { QqConfig } from "./config.ts";
import { type Ledger, type Place, placeFields } from "./ledger.ts";
import { withoutLinks } from "./links.ts";
import type { Upload } from "./media.ts";
import { renderText } from "./render.ts";
import type { Rest } from "./rest.ts";
import { isMedia } from "./split.ts";
import { type Target, targetOf } from "./target.ts";

/** What the platform has made of a reply so far. Not stored: after a restart it says so again. */
interface Form {
  plain?: boolean;
  unlinked?: boolean;
  fileInfo?: string;
  uploads?: number;
}

const MOST_FORMS = 1000;
const MOST_UPLOADS = 2;

export interface SendParts {
  config: QqConfig;
  context: AdapterContext;
  rest: Rest;
  ledger: Ledger;
  upload: Upload;
}

/**
 * Sends one reply: as an answer to its message while the platform takes those, else to a later message of the chat, else as a push if that
 * is configured. https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html
 */
export function createSend({ config, context, rest, ledger, upload }: SendParts): (reply: Reply, attempt: Attempt) => Promise<SendResult> {
  const { clock, log, account } = context;
  const forms = new Map<string, Form>();
  let limitedUntil = 0;

  async function bodyOf(reply: Reply, target: Target, form: Form, signal: AbortSignal): Promise<Record<string, unknown>> {
    const media = reply.segments.find(isMedia);
    if (media && target.scene !== "guild") {
      form.fileInfo ??= await upload(target, media, signal);
      forms.set(reply.id, form);
      return { msg_type: 7, content: " ", media: { file_info: form.fileInfo } };
    }
    if (media?.type === "image" && media.url && !form.unlinked) return { image: media.url };
    const text = renderText(reply.segments, target.scene);
    if (text.trim() === "") throw new RejectedError("nothing in this reply can be sent");
    const content = form.unlinked ? withoutLinks(text) : text;
    const reference = quoted(reply.segments, target);
    if (target.scene === "guild") return { content, ...reference };
    const isMarkdown = reply.segments.some(({ type }) => type === "markdown") && !form.plain;
    return isMarkdown ? { msg_type: 2, markdown: { content }, ...reference } : { msg_type: 0, content, ...reference };
  }

  async function send(reply: Reply, attempt: Attempt): Promise<SendResult> {
    const target = targetOf(reply.conversation);
    const form = forms.get(reply.id) ?? {};
    const content = await bodyOf(reply, target, form, attempt.signal);
    const place = await ledger.claim(reply);
    if (!place && reply.replyTo !== undefined && !config.active_push) throw tooLate(reply, config);
    const body = place ? { ...content, ...placeFields(place) } : content;
    if (target.scene === "guild") delete body.msg_seq;
    const response = await rest.call("POST", `${target.path}/messages`, { body, signal: attempt.signal });
    const answer = parseBody(response);
    const audit = auditOf(response, answer);
    if (audit !== undefined) return { detail: `in audit ${audit}` };
    try {
      checkAnswer(response, answer);
    } catch (error) {
      if (!(error instanceof RefusedForm)) throw error;
      // What may have arrived before has arrived: its number is taken.
      if (error.because === "duplicate" && place && attempt.maybeSent) return { detail: "already delivered" };
      await changeForm(reply, form, place, error);
      throw error;
    }
    forms.delete(reply.id);
    return typeof answer.id === "string" ? { platformId: answer.id } : {};
  }

  /** Notes how the reply is to be tried next. Throws RejectedError when nothing is left to try. */
  async function changeForm(reply: Reply, form: Form, place: Place | undefined, refusal: RefusedForm): Promise<void> {
    const final = new RejectedError(refusal.message, refusal.because, refusal);
    switch (refusal.because) {
      case "window":
        if (!place) throw final;
        return await ledger.close(reply, place);
      case "duplicate":
        if (!place) throw final;
        // Another reply has this number: the ledger was lost, or somebody else sends for the same bot.
        return await ledger.skip(reply, place, false);
      case "markdown":
        if (form.plain) throw final;
        form.plain = true;
        break;
      case "url":
        if (form.unlinked) throw final;
        form.unlinked = true;
        log.warn("a link was refused: its domain must be registered for the bot in the console (q.qq.com); sent without links", {
          account,
        });
        break;
      case "media":
        form.uploads = (form.uploads ?? 1) + 1;
        if (form.fileInfo === undefined || form.uploads > MOST_UPLOADS) throw final;
        delete form.fileInfo;
    }
    forms.set(reply.id, form);
    if (forms.size > MOST_FORMS) forms.delete(forms.keys().next().value!);
    // Whether a refused call uses its number up is not documented: a new one is right in both cases.
    if (place) await ledger.skip(reply, place, true);
  }

  return async (reply, attempt) => {
    // While it lasts, calls for other conversations would only prolong it.
    const waitMs = limitedUntil - clock.monotonic();
    if (waitMs > 0) throw new RateLimitError(waitMs);
    try {
      return await send(reply, attempt);
    } catch (error) {
      if (error instanceof TooFastError) limitedUntil = clock.monotonic() + error.retryAfterMs;
      if (error instanceof RejectedError) forms.delete(reply.id);
      throw error;
    }
  };
}

/** Groups and users have indices of their own for what can be quoted. */
function quoted(segments: readonly Segment[], { scene }: Target): Record<string, unknown> {
  const quote = segments.find((segment) => segment.type === "quote");
  if (!quote || (scene !== "guild" && !quote.id.startsWith("REFIDX_"))) return {};
  return { message_reference: { message_id: quote.id } };
}

function tooLate(reply: Reply, config: QqConfig): RejectedError {
  const { window, replies } = config.reply_windows[targetOf(reply.conversation).scene];
  const limit = `QQ takes ${replies} replies to a message, within ${Math.round(window / 60_000)} minutes`;
  return new RejectedError(`${limit}: this one came after that; with active_push: true it would be sent as a push`, "reply_window");
}
