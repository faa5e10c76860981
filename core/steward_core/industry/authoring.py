"""`steward plugin new`: a plugin that works, with a form, a trigger, an indicator, settings and tests."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from steward_core.industry.validation import KEY, RESERVED
from steward_tenants.errors import Conflict, invalid
from steward_tenants.texts import Bilingual

TEMPLATES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "{{package}}/__init__.py": "package.py",
    "{{package}}/settings.py": "settings.py",
    "{{package}}/forms.py": "forms.py",
    "{{package}}/queries.py": "queries.py",
    "{{package}}/plugin.py": "plugin.py",
    "tests/test_{{key}}.py": "test_plugin.py",
}
"""File of the new plugin → its template."""
LONGEST_KEY = 24


class FolderTaken(Conflict):
    """There is something already where the plugin would be written."""

    code = "plugin_folder_taken"
    message = Bilingual("文件夹 {folder} 已存在。", "There is a folder {folder} already.")
    remedy = Bilingual("请换一个标识或位置。", "Choose another key or place.")


def write_plugin(folder: Path, key: str, title: Bilingual) -> list[Path]:
    """Write a new plugin's distribution into `folder/<key>`; answers its files.

    Raises InvalidInput for a key or title that no plugin can have, FolderTaken.
    """
    if not KEY.fullmatch(key) or key in RESERVED or len(key) > LONGEST_KEY:
        raise invalid(
            "key",
            "format",
            "标识由小写字母、数字和下划线组成，最多 24 个字符，且不能是平台保留字。",
            "A key is at most 24 lower-case letters, digits and underscores, and none of the platform's own.",
        )
    if not all(_plain(text) for text in title):
        raise invalid("title", "format", "标题应为一行普通文字。", "A title is one line of plain text.")
    target = folder / key
    if target.exists():
        raise FolderTaken(folder=target.name)
    values = {
        "key": key,
        "name": key.replace("_", "-"),
        "package": f"steward_{key}",
        "title_zh": title.zh,
        "title_en": title.en,
    }
    written = []
    for place, template in TEMPLATES.items():
        path = target / _filled(place, values)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(_template(template), values), encoding="utf-8")
        written.append(path)
    return written


def _plain(text: str) -> bool:
    return text.strip() == text and 0 < len(text) <= 60 and text.isprintable() and not set(text) & set("\"'\\{}[]")


def _template(name: str) -> str:
    return (files("steward_core.industry") / "scaffold" / f"{name}.tmpl").read_text(encoding="utf-8")


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text
