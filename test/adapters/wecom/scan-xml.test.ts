import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scanXml } from "../../../adapters/wecom/scan-xml.ts";
import { VerifyError } from "../../../src/errors.ts";

const xml = (inner: string) => `<xml>${inner}</xml>`;

describe("what the platform writes", () => {
  test("CDATA and plain text are the same", () => {
    expect(scanXml(xml("<a><![CDATA[x]]></a><b>x</b><c></c><d/><e><![CDATA[]]></e>"))).toEqual({ a: "x", b: "x", c: "", d: "", e: "" });
  });

  test("references are resolved in plain text, and left alone in CDATA", () => {
    expect(scanXml(xml("<a>&lt;b&gt; &amp;amp; &apos;&quot; &#20320;&#x597d;&#x1F600;</a>")).a).toBe("<b> &amp; '\" 你好😀");
    expect(scanXml(xml("<a><![CDATA[&lt;]]></a>")).a).toBe("&lt;");
  });

  test("neighbouring sections are one text, so that it may hold the end of a section", () => {
    expect(scanXml(xml("<a><![CDATA[x]]]]><![CDATA[>y]]>z</a>")).a).toBe("x]]>yz");
  });

  test("white space is kept in text and ignored between elements", () => {
    expect(scanXml("\n <xml>\n  <a> x\n</a>\n  <b><c>1</c> </b>\n</xml>\n")).toEqual({ a: " x\n", b: { c: "1" } });
  });

  test("a list is one also when it has a single item", () => {
    expect(scanXml(xml("<l><item><p>1</p></item></l><o><OptionId>a</OptionId></o>"))).toEqual({
      l: { item: [{ p: "1" }] },
      o: { OptionId: ["a"] },
    });
    expect(scanXml(xml("<x>1</x><x>2</x><x>3</x>"))).toEqual({ x: ["1", "2", "3"] });
  });

  test("names that objects have by themselves are just names", () => {
    const fields = scanXml(xml("<constructor>1</constructor><toString>2</toString>"));
    expect(Object.entries(fields)).toEqual([
      ["constructor", "1"],
      ["toString", "2"],
    ]);
  });
});

describe("what it never writes is refused:", () => {
  test.each([
    ["nothing", ""],
    ["no XML", "hello"],
    ["another root", "<html></html>"],
    ["a root without elements", "<xml>hi</xml>"],
    ["an unclosed root", "<xml><a>1</a>"],
    ["something after the root", "<xml><a>1</a></xml><xml></xml>"],
    ["crossed tags", xml("<a><b></a></b>")],
    ["a closing tag that only begins alike", xml("<a>1</ab>")],
    ["an open section", xml("<a><![CDATA[1</a>")],
    ["text beside elements", xml("<a>1</a>stray")],
    ["attributes", xml('<a href="x">1</a>')],
    ["a comment", xml("<!-- --><a>1</a>")],
    ["a declaration", `<?xml version="1.0"?>${xml("<a>1</a>")}`],
    ["a document type", `<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml("<a>&e;</a>")}`],
    ["a document type inside", xml("<!DOCTYPE a><a>1</a>")],
    ["an unknown entity", xml("<a>&e;</a>")],
    ["an entity named as an object's own", xml("<a>&constructor;</a>")],
    ["a lone ampersand", xml("<a>1 & 2</a>")],
    ["a reference to NUL", xml("<a>&#0;</a>")],
    ["a reference to half a character", xml("<a>&#xD800;</a>")],
    ["a reference beyond Unicode", xml("<a>&#x110000;</a>")],
    ["a prototype", xml("<__proto__><x>1</x></__proto__>")],
    ["a name with a colon", xml("<a:b>1</a:b>")],
    ["a nameless element", xml("<>1</>")],
    ["nesting without end", `<xml>${"<a>".repeat(50_000)}${"</a>".repeat(50_000)}</xml>`],
    ["elements without end", xml("<a></a>".repeat(513))],
  ])("%s", (_name, text) => {
    expect(() => scanXml(text)).toThrow(VerifyError);
  });
});

test("whatever it is given, it answers or refuses, at once and without touching prototypes", () => {
  const parts = [
    "<xml>",
    "</xml>",
    "<a>",
    "</a>",
    "<item>",
    "</item>",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "&#65;",
    "&",
    "<",
    ">",
    "/",
    "!",
    "<a/>",
    "x",
    " ",
  ];
  const grammar = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 })), { maxLength: 30 }).map((all) => all.join(""));
  fc.assert(
    fc.property(fc.oneof(grammar, grammar.map(xml), fc.string()), (text) => {
      try {
        expect(typeof scanXml(text)).toBe("object");
      } catch (error) {
        expect(error).toBeInstanceOf(VerifyError);
      }
    }),
    { numRuns: 5000 },
  );
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

test("hostile text of a megabyte takes time in proportion to its length", () => {
  for (const part of ["<a>", "&", "<![CDATA[", "<", "]]>", "&#", "<a><![CDATA[x]]></a>", " "]) {
    const text = xml(part.repeat(Math.floor(1_000_000 / part.length)));
    const started = performance.now();
    expect(() => scanXml(text)).toThrow(VerifyError);
    expect(performance.now() - started, part).toBeLessThan(1000);
  }
});

test("any text survives being written as CDATA or with references", () => {
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(scanXml(xml(`<a><![CDATA[${text.replaceAll("]]>", "]]]]><![CDATA[>")}]]></a><b>${escaped(text)}</b>`))).toEqual({
        a: text,
        b: text,
      });
    }),
    { numRuns: 500 },
  );
});
