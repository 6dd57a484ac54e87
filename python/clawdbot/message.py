"""A message as Python skills see it."""


class Record:
    """Names for the values of a JSON object; what is not there is None."""

    def __init__(self, values):
        self.__dict__.update(values)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __repr__(self):
        return f"Record({self.__dict__!r})"


def message_of(wire):
    """content_type, raw and content (the text that the skill is to see), id, timestamp (seconds), channel, type, sender, group
    (the conversation's id when it is one), conversation, attachments, and all that the message has besides."""
    conversation = wire["conversation"]
    sender = dict(wire["sender"])
    sender["is_admin"] = sender.pop("isAdmin", False)
    values = {_snake(key): value for key, value in wire.items()}
    values.update(
        raw=wire["text"],
        content=wire["text"],
        type=wire["contentType"],
        timestamp=wire["sentAt"] / 1000,
        sender=Record(sender),
        conversation=Record(conversation),
        group=conversation["id"] if conversation["type"] == "group" else None,
        attachments=[Record(one) for one in wire["segments"] if one["type"] in ("image", "file", "voice", "video")],
    )
    return Record(values)


def _snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
