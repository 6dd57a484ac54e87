import { defineSkill } from "clawdbot";

export default defineSkill({
  name: "echo",
  version: "1.0.0",
  description: { zh: "原样返回你说的话", en: "Says back what you said" },
  usage: { zh: "/echo 文字", en: "/echo TEXT" },
  triggers: [],
  handleMessage: (message) => message.text,
});
