"""Texts in the two languages of the product: zh-CN first, English beside it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Locale = Literal["zh-CN", "en"]
LOCALES: tuple[Locale, ...] = ("zh-CN", "en")


class Bilingual(NamedTuple):
    """One text in both languages; `{name}` places are filled by `fill`, which puts a text in both languages into each
    in its own."""

    zh: str
    en: str

    def fill(self, **values: object) -> Bilingual:
        """The texts with their places filled."""
        zh = {name: value.zh if isinstance(value, Bilingual) else value for name, value in values.items()}
        en = {name: value.en if isinstance(value, Bilingual) else value for name, value in values.items()}
        return Bilingual(self.zh.format(**zh), self.en.format(**en))

    def in_locale(self, locale: str) -> str:
        """The text for `locale`: English when it asks for English, Chinese otherwise."""
        return self.en if locale.lower().startswith("en") else self.zh
