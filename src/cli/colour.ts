/** Text in colour, or as it is where colours are off. */
export type Paint = Record<keyof typeof CODES, (text: string) => string>;

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const;

export function createPaint(on: boolean): Paint {
  const paint = Object.entries(CODES).map(([name, [open, close]]) => [
    name,
    on ? (text: string) => `\u001b[${open}m${text}\u001b[${close}m` : (text: string) => text,
  ]);
  return Object.fromEntries(paint) as Paint;
}
