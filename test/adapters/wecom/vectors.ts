/** Official samples and those of wechatpy, an independent implementation. */

export const official = {
  token: "QDG6eK",
  encodingAesKey: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
  receiverId: "wx5823bf96d3bd56c7",
};

export const urlCheck = {
  signature: "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
  timestamp: "1409659589",
  nonce: "263014780",
  echostr: "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
  plain: "1616140317555161061",
};

export const message = {
  signature: "477715d11cdb4164915debcba66cb864d751f3e6",
  timestamp: "1409659813",
  nonce: "1372623149",
  encrypted:
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXx" +
    "accAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP" +
    "7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XX" +
    "ZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
  plain: [
    "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>",
    "<FromUserName><![CDATA[mycreate]]></FromUserName>",
    "<CreateTime>1409659813</CreateTime>",
    "<MsgType><![CDATA[text]]></MsgType>",
    "<Content><![CDATA[hello]]></Content>",
    "<MsgId>4561255354251345929</MsgId>",
    "<AgentID>218</AgentID>",
    "</xml>",
  ].join("\n"),
};

export const fixedRandom = Buffer.from("0123456789abcdef");

export const encryption = {
  plain: "hello 你好",
  encrypted: "sKqRbbiSUnDhFHOvPjtUMajtBLdj7Yq63XAKSmbpeP0AvihGw2runYYalxLZjVH8HOoU1drvVEVZk5XcNExC5g==",
  timestamp: "1409735669",
  nonce: "1372623149",
  signature: "86254f51205c9bcadce718cf8ee6b8e341614735",
};

export const emptyReceiver = {
  plain: '{"msgtype":"text"}',
  encrypted: "sKqRbbiSUnDhFHOvPjtUMXwcNQzHVFNeLGShu75XAxnlReSDiqIMxFSwaGouVQm/TLf+6IgUPvQBjguiS7rgiw==",
  signature: "2f62d28c9d4b86d6b66613d9e485aa85a4df4c32",
};

export const wechatpy = {
  keys: { token: "123456", encodingAesKey: "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", receiverId: "wx49f0ab532d5d035a" },
  signature: "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
  timestamp: "1411443780",
  nonce: "437374425",
  echostr: "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
  plain: "5927782489442352469",
};
