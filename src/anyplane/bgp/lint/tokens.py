"""Tokens and statements of a configuration, with their places; whatever the text is, it never fails.

Two shapes serve five languages: statements with braces (BIRD, ExaBGP, OpenBGPD) and lines (FRR, GoBGP).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from anyplane.bgp.lint.facts import Mark
from anyplane.design.design import Location

DEEPEST = 40
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[^\s{}();\[\],="#]+|[{}();\[\],=]|#')


@dataclass(slots=True, kw_only=True)
class Statement:
    """Words up to `;` (or the end of the line), and the statements in the braces after them, if any."""

    words: tuple[Mark, ...] = ()
    block: list[Statement] | None = None

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.words[0].location if self.words else Location(line=1, column=1)

    @property
    def texts(self) -> tuple[str, ...]:
        """The words without quotation marks."""
        return tuple(word.text for word in self.words)

    def begins(self, *texts: str) -> bool:
        """Are these its first words?"""
        return self.texts[: len(texts)] == texts

    def after(self, text: str) -> Mark | None:
        """The word that follows this one."""
        for here, word in enumerate(self.words[:-1]):
            if word.text == text:
                return self.words[here + 1]
        return None

    def all(self) -> Iterator[Statement]:
        """The statements inside, at any depth."""
        for one in self.block or ():
            yield one
            yield from one.all()


@dataclass(slots=True)
class _Frame:
    statements: list[Statement] = field(default_factory=list)
    words: list[Mark] = field(default_factory=list)


def statements(text: str, *, ends_with_line: bool = False) -> list[Statement]:
    """The statements of a text with braces; braces that do not match are made to."""
    stack = [_Frame()]

    def end(block: list[Statement] | None = None) -> None:
        frame = stack[-1]
        if frame.words or block is not None:
            frame.statements.append(Statement(words=tuple(frame.words), block=block))
        frame.words = []

    def close() -> None:
        end()
        inner = stack.pop()
        end(inner.statements)

    last_line = 0
    for mark in _marks(text):
        if ends_with_line and mark.location.line != last_line and mark.text != "{":
            end()
        last_line = mark.location.line
        if mark.text == "\\" and ends_with_line:
            last_line += 1  # the statement goes on there
        elif mark.text == "{" and len(stack) < DEEPEST:
            stack.append(_Frame())
        elif mark.text == "}" and len(stack) > 1:
            close()
        elif mark.text == ";":
            end()
        else:
            stack[-1].words.append(mark)
    while len(stack) > 1:
        close()
    end()
    return stack[0].statements


def lines(text: str, *, comment: str) -> Iterator[tuple[Mark, ...]]:
    """The words of each line that has some; `comment` holds the signs that begin a comment."""
    for number, line in enumerate(text.split("\n"), 1):
        words: list[Mark] = []
        for match in re.finditer(r'"[^"]*"?|[^\s"]+', line):
            if match[0][0] in comment:
                break
            place = Location(line=number, column=match.start() + 1)
            words.append(Mark(text=match[0].strip('"'), location=place))
        if words:
            yield tuple(words)


def silences(text: str) -> dict[str, str]:
    """Rule id -> reason, from comments such as `# anyplane: silence AR010: the peer has no MD5`."""
    found = re.findall(r"(?m)^\s*(?:#|!|//)+\s*anyplane:\s*silence\s+(AR\d{3})\s*:\s*(\S.*?)\s*$", text)
    return dict(found)


def _marks(text: str) -> Iterator[Mark]:
    in_comment = False
    for number, line in enumerate(text.split("\n"), 1):
        here = 0
        while here < len(line):
            if in_comment:
                end = line.find("*/", here)
                if end < 0:
                    break
                in_comment, here = False, end + 2
                continue
            match = _WORD.search(line, here)
            if match is None or match[0] == "#":
                break
            if (begin := match[0].find("/*")) >= 0 and match[0][0] != '"':
                in_comment = True
                if begin:
                    yield _mark(match[0][:begin], number, match.start())
                here = match.start() + begin + 2
                continue
            yield _mark(match[0], number, match.start())
            here = match.end()


def _mark(text: str, line: int, begin: int) -> Mark:
    shown = text.strip('"') if text[0] == '"' else text
    return Mark(text=shown, location=Location(line=line, column=begin + 1))
