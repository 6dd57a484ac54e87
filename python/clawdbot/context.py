"""What a skill may reach beside its message."""


class Context:
    """One call's: the sender's language, replies before the returned one, the skill's own keys, its log."""

    def __init__(self, channel, call, language):
        self.language = language
        self.kv = KeyValue(channel)
        self.log = Log(channel)
        self.replies = []
        self._channel = channel
        self._call = call

    def reply(self, content):
        """Adds a reply before the returned one. All of them are written together when the call ends."""
        self.replies.append(content)

    def preview(self, text_so_far):
        """Shows the text so far where the channel can; best effort, never the durable answer."""
        self._channel.notify("preview", call=self._call, text=text_so_far)


class KeyValue:
    """This skill's own keys, shared by all conversations."""

    def __init__(self, channel):
        self._ask = channel.ask

    async def get(self, key, default=None):
        found = await self._ask("kv.get", key=key)
        return default if found is None else found["value"]

    async def set(self, key, value, ttl=None, if_version=None):
        """Stores JSON; ttl in seconds. Returns the new version, None when if_version (0: must not exist) is not the present one."""
        ttl_ms = None if ttl is None else round(ttl * 1000)
        return await self._ask("kv.set", key=key, value=value, ttlMs=ttl_ms, ifVersion=if_version)

    async def delete(self, key):
        await self._ask("kv.delete", key=key)

    async def list(self, prefix="", limit=100):
        """[{key, value, version}], ascending by key."""
        return await self._ask("kv.list", prefix=prefix, limit=limit)


class Log:
    """The skill's lines in the daemon's log. Fields are text, numbers and booleans."""

    def __init__(self, channel):
        self._notify = channel.notify

    def debug(self, message, **fields):
        self._notify("log", level="debug", message=message, fields=fields)

    def info(self, message, **fields):
        self._notify("log", level="info", message=message, fields=fields)

    def warn(self, message, **fields):
        self._notify("log", level="warn", message=message, fields=fields)

    def error(self, message, **fields):
        self._notify("log", level="error", message=message, fields=fields)
