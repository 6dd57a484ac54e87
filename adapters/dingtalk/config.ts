import { secret, z } from "clawdbot";

/** The AI card template that DingTalk's own connector uses; every organisation may. */
const SHARED_TEMPLATE = "02fcf2f4-5e02-4a85-b672-46d1f715543e.schema";

const base = z.url({ protocol: /^https?$/ });

/** A robot that somebody added to one group by hand (自定义机器人). https://open.dingtalk.com/document/robots/custom-robot-access */
const webhook = z.strictObject({
  /** From the robot's URL, what stands after access_token=. */
  access_token: secret(),
  /** The SEC… value; absent when the robot is protected by keywords or addresses instead. */
  secret: secret().optional(),
});

/** The section `dingtalk`: one app robot (企业内部应用机器人), group robots that only send, or both. */
export const dingtalkConfig = z
  .strictObject({
    mode: z.enum(["stream", "callback"]).default("stream"),
    /** Client ID of the app, formerly AppKey. */
    client_id: z
      .string()
      .regex(/^[\w-]{1,128}$/, "is no Client ID: see 凭证与基础信息 in the developer console")
      .refine((id) => !/x{4}|your/i.test(id), {
        error: "is a placeholder: put the real value here",
        params: { zh: "还是示例里的占位符：请填写真实的值" },
      })
      .optional(),
    /** Client Secret, formerly AppSecret. */
    client_secret: secret().optional(),
    /** Default: client_id, which is the robot's code too for the robot of an internal app. */
    robot_code: z.string().min(1).optional(),
    /** AI card in which replies are shown while they are being made; "" switches that off. */
    card_template_id: z.string().default(SHARED_TEMPLATE),
    api_base: base.default("https://api.dingtalk.com"),
    oapi_base: base.default("https://oapi.dingtalk.com"),
    webhooks: z.record(z.string().regex(/^[\w.-]{1,64}$/, 'use letters, digits, ".", "_" and "-"'), webhook).default({}),
  })
  .refine((config) => (config.client_id === undefined) === (config.client_secret === undefined), {
    error: "client_id and client_secret belong together",
    path: ["client_secret"],
    params: { zh: "client_id 和 client_secret 必须同时填写" },
  })
  .refine((config) => config.client_id !== undefined || Object.keys(config.webhooks).length > 0, {
    error: "is missing (only group robots under webhooks need none)",
    path: ["client_id"],
    params: { zh: "缺少 client_id（只有 webhooks 里的群机器人不需要）" },
  });

export type DingtalkConfig = z.output<typeof dingtalkConfig>;

/** The settings of an account that has an app robot. */
export interface AppConfig extends DingtalkConfig {
  client_id: string;
  client_secret: string;
  robot_code: string;
}

/** Undefined for an account that has group robots only. */
export function appOf(config: DingtalkConfig): AppConfig | undefined {
  const { client_id, client_secret, robot_code = client_id } = config;
  if (client_id === undefined || client_secret === undefined || robot_code === undefined) return undefined;
  return { ...config, client_id, client_secret, robot_code };
}
