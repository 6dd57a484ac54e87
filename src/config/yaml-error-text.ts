import type { YAMLError } from "yaml";
import type { Problem } from "./problem.ts";

type Text = Pick<Problem, "message" | "hint">;

/** What each of the parser's error codes means to somebody who has to mend the file. Its own texts may quote a secret, so they are not shown. */
const TEXTS: Partial<Record<YAMLError["code"], Text>> = {
  TAB_AS_INDENT: { message: { en: "a tab is used to indent", zh: "用制表符缩进" }, hint: { en: "Use spaces", zh: "请改用空格" } },
  BAD_INDENT: {
    message: { en: "is not indented like its neighbours", zh: "缩进与相邻的行不一致" },
    hint: { en: "Keys of one mapping begin in the same column", zh: "同一级的键要左对齐" },
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: { en: "two keys on one line", zh: "一行里有两个键" },
    hint: { en: 'Put the second on a line of its own, or quote a value that has ": " in it', zh: "请分成两行；值里若含“: ”要加引号" },
  },
  MULTILINE_IMPLICIT_KEY: {
    message: { en: "a key goes over several lines", zh: "键跨了多行" },
    hint: { en: "Is a colon missing?", zh: "是否少了冒号？" },
  },
  BAD_SCALAR_START: {
    message: { en: "a value may not begin with this character", zh: "值不能以这个字符开头" },
    hint: { en: "Put the value in quotes", zh: "请给值加引号" },
  },
  MULTIPLE_DOCS: {
    message: { en: "begins a second document", zh: "这里开始了第二个文档" },
    hint: { en: 'Remove the line "---": each file is one document', zh: "请删去“---”：每个文件只能有一个文档" },
  },
  BAD_DQ_ESCAPE: {
    message: { en: "no such escape in double quotes", zh: "双引号里没有这种转义" },
    hint: { en: "Use single quotes, or write \\\\ for a backslash", zh: "请改用单引号，或把反斜杠写成 \\\\" },
  },
  TAG_RESOLVE_FAILED: {
    message: { en: "is taken for a YAML tag", zh: "被当成了 YAML 标签" },
    hint: { en: 'Put a value that begins with "!" in quotes', zh: "以 ! 开头的值要加引号" },
  },
};

const QUOTE: Text = { message: { en: "a quote is not closed", zh: "引号没有闭合" } };
const BRACKET: Text = { message: { en: "a bracket is not closed", zh: "括号没有闭合" } };
const COLON: Text = {
  message: { en: "is neither a key nor part of a value", zh: "既不是键，也不是值的一部分" },
  hint: { en: 'A key is followed by ": " (with a space)', zh: "键后面要有“: ”（冒号加空格）" },
};

/** Says what is wrong without quoting the file. */
export function yamlErrorText(error: YAMLError): Text {
  if (error.code === "MISSING_CHAR") return error.message.includes("quote") ? QUOTE : COLON;
  if (error.code === "BAD_INDENT" && error.message.startsWith("Flow")) return BRACKET;
  return TEXTS[error.code] ?? { message: { en: `is not YAML (${error.code})`, zh: `不是合法的 YAML（${error.code}）` } };
}
