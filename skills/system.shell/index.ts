import { defineSkill } from "clawdbot";

export default defineSkill({
  name: "system.shell",
  version: "0.0.0",
  description: { zh: "在服务器上执行命令（当前版本不提供，默认停用）", en: "Runs commands on the server (not in this version; disabled)" },
  triggers: [],
  handleMessage: (_message, context) => (context.language === "zh" ? "当前版本不能执行命令。" : "This version does not run commands."),
});
