import type { Denial } from "../guard/guard.ts";
import type { Message } from "../message.ts";
import type { Language } from "../skill.ts";

/** The sender's language: what the platform says, else what they write, else `otherwise`. */
export function languageOf(message: Message, otherwise: Language): Language {
  const { locale } = message.sender;
  if (locale) return locale.toLowerCase().startsWith("zh") ? "zh" : "en";
  return /\p{Script=Han}/u.test(message.text) ? "zh" : otherwise;
}

/** Why a skill may not be used, for the person who tried. */
export function denialText(skill: string, denial: Denial, language: Language): string {
  const seconds = Math.max(1, Math.ceil((denial.retryAfterMs ?? 0) / 1000));
  const zh = language === "zh";
  switch (denial.reason) {
    case "rate_limited":
      return zh ? `${skill} 使用太频繁，请 ${seconds} 秒后再试。` : `Too many calls of ${skill}. Please try again in ${seconds} s.`;
    case "admin_only":
      return zh ? `只有管理员可以使用 ${skill}。` : `Only administrators may use ${skill}.`;
    case "group_not_allowed":
      return zh ? `${skill} 不能在这个会话中使用。` : `${skill} may not be used in this conversation.`;
    case "user_denied":
      return zh ? `你没有使用 ${skill} 的权限。` : `You may not use ${skill}.`;
    case "not_granted":
      return zh ? `${skill} 需要先由管理员在 permissions.yaml 中授权。` : `${skill} has to be granted in permissions.yaml first.`;
  }
}

/** Told once when a message is given up, so that nobody waits for an answer that will not come. */
export function failureText(language: Language): string {
  return language === "zh"
    ? "处理失败，已记录，管理员可以重放这条消息。"
    : "This could not be handled. It has been recorded and an operator can replay it.";
}
