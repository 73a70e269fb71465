"""Site hook: links that leave `docs/` go to the repository, and pictures from there become part of the site."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = "https://github.com/otel-promptcache/otel-promptcache"
ROOT = Path(__file__).parent.parent
_LINK = re.compile(
    r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?:\.\./)+[^)#\s]+)(?P<anchor>#[^)\s]*)?\)"
)
_log = logging.getLogger("mkdocs.hooks.site_links")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page that lead out of the documentation's folder."""
    folder = Path(page.file.abs_src_path or "").parent

    def rewritten(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if target.is_relative_to(Path(config.docs_dir).resolve()):
            return link[0]
        if not target.exists():
            _log.warning("%s links to %s, which does not exist", page.file.src_uri, link["path"])
            return link[0]
        path = target.relative_to(ROOT).as_posix()
        if link["picture"]:
            return f"![{link['text']}]({_added(path, page, config, files)})"
        kind = "tree" if target.is_dir() else "blob"
        return f"[{link['text']}]({REPOSITORY}/{kind}/main/{path}{link['anchor'] or ''})"

    return _LINK.sub(rewritten, markdown)


def _added(path: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add a picture of the repository to the site; return its address relative to the page."""
    if files.get_file_from_path(path) is None:
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return os.path.relpath(path, Path(page.file.src_uri).parent).replace(os.sep, "/")
