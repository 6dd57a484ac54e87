"""The base of a Python skill: `from clawdbot.skill import BaseSkill`."""


class BaseSkill:
    """A skill. Name, description and version are given to __init__ or stand in the class; skill.yaml beats both."""

    name = None
    description = ""
    version = "1.0"
    aliases = ()
    # None: asked for every message that nobody else took. Empty: only called by name.
    triggers = None
    priority = 0

    def __init__(self, name=None, description=None, version=None, aliases=None, triggers=None, priority=None):
        given = {
            "name": name,
            "description": description,
            "version": version,
            "aliases": aliases,
            "triggers": triggers,
            "priority": priority,
        }
        for key, value in given.items():
            if value is not None:
                setattr(self, key, value)

    async def handle_message(self, msg):
        """Returns None (not mine), a str, {"type": "text" | "markdown", "content": str}, or a list of these: one reply each.

        May take a second parameter, the context: reply, preview, kv, log, language. May be called again for the same msg.id
        after a crash.
        """
        raise NotImplementedError
