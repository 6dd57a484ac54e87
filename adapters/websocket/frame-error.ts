import { ClawdbotError } from "clawdbot";

/** A frame that is not what the protocol says. Its message goes to the client, so it says what is wrong and repeats nothing of the frame. */
export class FrameError extends ClawdbotError {
  /** Whether the peer does not speak this protocol at all: its connection is closed. */
  readonly fatal: boolean;
  /** The message that the frame carries, if it got so far as to name one. */
  id: string | undefined;

  constructor(message: string, fatal = false) {
    super("CLAWDBOT_ERR_INVALID", message);
    this.fatal = fatal;
  }
}
