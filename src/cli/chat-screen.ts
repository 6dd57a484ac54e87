import { clearScreenDown, cursorTo, type Interface, moveCursor } from "node:readline";
import { columns } from "./table.ts";

export interface ChatScreen {
  /** Prints above the line being typed, in place of a preview. */
  print(text: string): void;
  /** Shows a text that is still growing; the next print or preview replaces it. */
  preview(text: string): void;
}

/** Room that a preview leaves for the line being typed. */
const ROWS_BELOW = 4;

export function createChatScreen(terminal: Interface, output: NodeJS.WriteStream): ChatScreen {
  let previewRows = 0;

  function replace(text: string): void {
    const { rows: typedRows } = terminal.getCursorPos();
    moveCursor(output, 0, -(previewRows + typedRows));
    cursorTo(output, 0);
    clearScreenDown(output);
    // The prompt is drawn anew that many rows further up than it believes to be.
    output.write(`${text}\n${"\n".repeat(typedRows)}`);
    terminal.prompt(true);
  }

  function rowsOf(text: string): number {
    const width = output.columns || 80;
    return text.split("\n").reduce((rows, line) => rows + Math.max(1, Math.ceil(columns(line) / width)), 0);
  }

  /** The end of the text, as much as the screen has room for: what has scrolled away cannot be replaced. */
  function visible(text: string): string {
    const lines = text.split("\n");
    while (lines.length > 1 && rowsOf(lines.join("\n")) > (output.rows || 24) - ROWS_BELOW) lines.shift();
    return lines.join("\n");
  }

  return {
    print(text) {
      replace(text);
      previewRows = 0;
    },
    preview(text) {
      const shown = visible(text);
      replace(shown);
      previewRows = rowsOf(shown);
    },
  };
}
