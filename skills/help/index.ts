import { defineSkill, inLanguage } from "clawdbot";

export default defineSkill({
  name: "help",
  aliases: ["帮助"],
  version: "1.0.0",
  description: { zh: "列出你在这里可以使用的技能", en: "Lists the skills that you may use here" },
  usage: { zh: "/help", en: "/help" },
  triggers: [],
  handleMessage(_message, context) {
    const lines = context.skills().map((skill) => {
      const usage = skill.usage ? inLanguage(skill.usage, context.language) : `/${skill.name}`;
      return `${usage}  ${inLanguage(skill.description, context.language)}`;
    });
    const head = context.language === "zh" ? "你在这里可以使用：" : "You may use here:";
    return [head, ...lines].join("\n");
  },
});
