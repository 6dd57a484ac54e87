import { expect, test } from "vitest";
import { parseScript } from "../../src/cli/chat-script.ts";

const ECHO = [{ say: "/echo 你好", expect: ["你好"] }];

test.each([
  "> /echo 你好\n< 你好\n",
  "/echo 你好\n你好\n",
  "> /echo 你好\n你好",
  "/echo 你好\n< 你好",
  "\r\n# a comment\r\n> /echo 你好\r\n\r\n< 你好\r\n",
  ">  /echo 你好 \n<  你好 ",
])("the first line is said, the second must come back: %j", (script) => {
  expect(parseScript(script)).toEqual(ECHO);
});

test("with both marks, bare lines are said", () => {
  expect(parseScript("hi\n> /echo a\n< a\n< b\nbye")).toEqual([
    { say: "hi", expect: [] },
    { say: "/echo a", expect: ["a", "b"] },
    { say: "bye", expect: [] },
  ]);
});

test("without marks, lines take turns", () => {
  expect(parseScript("/echo a\na\n/echo b\nb")).toEqual([
    { say: "/echo a", expect: ["a"] },
    { say: "/echo b", expect: ["b"] },
  ]);
});

test("a mark stands alone: text that begins with < is text", () => {
  expect(parseScript("> /echo <b>\n< <b>")).toEqual([{ say: "/echo <b>", expect: ["<b>"] }]);
});

test("a script of comments has no exchange", () => {
  expect(parseScript("# nothing\n\n")).toEqual([]);
});
