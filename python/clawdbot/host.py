"""Runs one skill for the daemon: `host.main(folder, skill)`. The skill's print() goes to stdout, which is its log."""

import asyncio
import importlib.util
import inspect
import json
import os
import sys
import traceback

from clawdbot import landlock
from clawdbot.channel import Channel
from clawdbot.context import Context
from clawdbot.facts import FACTS, entry_of, missing_imports, read_facts
from clawdbot.message import message_of
from clawdbot.skill import BaseSkill

PYTHON = "python %d.%d" % sys.version_info[:2]


def main(folder, path):
    """Serves until the daemon closes its end."""
    caged = landlock.close_in(folder)
    asyncio.run(_serve(path, caged))


def describe(folder, path):
    """Prints what can be known of the skill without running it."""
    landlock.close_in(folder)
    try:
        entry = entry_of(path)
        about = {**read_facts(entry), "missing": missing_imports(entry)}
    except (SyntaxError, ValueError, OSError) as error:
        about = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"runtime": PYTHON, **about}))


async def _serve(path, caged):
    done = asyncio.get_running_loop().create_future()
    calls = set()

    def handle(request):
        call = asyncio.ensure_future(_handle(channel, skill, wants_context, request))
        calls.add(call)
        call.add_done_callback(calls.discard)

    channel = Channel(handle, lambda: done.done() or done.set_result(None))
    # Said before any of the skill's code has run, so that it can be believed.
    channel.notify("begin", protocol=1, runtime=PYTHON, landlock=caged)
    channel.flush()
    try:
        if sys.version_info < (3, 10):
            raise RuntimeError(f"Python 3.10 or newer is needed, this is {PYTHON}")
        entry = entry_of(path)
        facts = read_facts(entry)
        skill = _load(entry)
        wants_context = len(inspect.signature(skill.handle_message).parameters) > 1
    except BaseException as error:
        channel.notify("failed", message=_line(error), traceback=_traceback(error))
        channel.flush()
        raise SystemExit(1) from None
    about = {name: facts.get(name, getattr(skill, name, None)) for name in FACTS}
    channel.notify("hello", about=about)
    await done


def _load(entry):
    sys.path.insert(0, os.path.dirname(entry))
    spec = importlib.util.spec_from_file_location("skill", entry)
    module = importlib.util.module_from_spec(spec)
    sys.modules["skill"] = module
    spec.loader.exec_module(module)
    for value in vars(module).values():
        if isinstance(value, BaseSkill):
            return value
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, BaseSkill) and value.__module__ == "skill":
            if value.handle_message is BaseSkill.handle_message:
                raise TypeError(f"{value.__name__} has no handle_message")
            return value()
    raise TypeError("there is no class based on clawdbot.skill.BaseSkill")


async def _handle(channel, skill, wants_context, request):
    params = request["params"]
    context = Context(channel, request["id"], params["language"])
    loop = asyncio.get_running_loop()
    timer = loop.call_later(params["deadlineMs"] / 1000, asyncio.current_task().cancel)
    try:
        message = message_of(params["message"])
        answer = skill.handle_message(message, context) if wants_context else skill.handle_message(message)
        if inspect.isawaitable(answer):
            answer = await answer
        replies = context.replies + (answer if isinstance(answer, list) else [] if answer is None else [answer])
        channel.answer(request["id"], None if answer is None and not replies else replies)
    except asyncio.CancelledError:
        channel.refuse(request["id"], "deadline", {"late": True})
    except Exception as error:
        channel.refuse(request["id"], _line(error), {"traceback": _traceback(error)})
    finally:
        timer.cancel()


def _line(error):
    return f"{type(error).__name__}: {error}"[:300]


def _traceback(error):
    return "".join(traceback.format_exception(error))[-4000:]
