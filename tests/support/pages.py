"""The pages for users, taken apart: fenced blocks, the commands in them, code in the running text."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
_FENCE = re.compile(r"```(\w*)")
_MARK = re.compile(r"<!-- (\S+) -->")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """page: below the root. mark: the word of an HTML comment in the line before, where that is needed."""

    page: str
    line: int
    mark: str
    language: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    found: list[Block] = []
    lines, begin, language = text.splitlines(), 0, ""
    for number, line in enumerate(lines, 1):
        fence = _FENCE.fullmatch(line)
        if begin and line == "```":
            mark = _MARK.fullmatch(lines[begin - 2]) if begin > 1 else None
            body = "".join(f"{row}\n" for row in lines[begin : number - 1])
            found.append(Block(page, begin, mark[1] if mark else "", language, body))
            begin = 0
        elif not begin and fence:
            begin, language = number, fence[1]
    assert not begin, f"{page}:{begin}: a block without an end"
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(str(page.relative_to(ROOT)), page.read_text())]


def commands(text: str) -> list[list[str]]:
    """The simple commands of a piece of shell, in words, without sudo, assignments and redirections."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word and set(word) <= set("&|;"):
                found.append(_plain(words))
                words = []
            else:
                words.append(word)
    return [words for words in found if words]


def _plain(words: list[str]) -> list[str]:
    kept: list[str] = []
    into = False
    for word in words:
        if into or word in {">", ">>", "<"}:
            into = not into
        elif kept or (word != "sudo" and not _ASSIGNMENT.fullmatch(word)):
            kept.append(word)
    return kept


def spans(text: str) -> list[str]:
    """The code in the running text, with its white space made one blank."""
    kept, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return [" ".join(span.split()) for span in _SPAN.findall("\n".join(kept))]


def written(program: str) -> list[tuple[str, ...]]:
    """The commands of all pages that begin so, from blocks and from the text, each once."""
    texts = [block.text for block in BLOCKS if block.language == "sh"]
    texts += [span for page in PAGES for span in spans(page.read_text()) if re.match(rf"(sudo )?{program} \S", span)]
    return sorted({tuple(words) for text in texts for words in commands(text) if words[0] == program})
