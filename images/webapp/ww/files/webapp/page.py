"""The one HTML page of the notes."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }}
textarea {{ box-sizing: border-box; width: 100%; font: inherit; }}
button {{ font: inherit; padding: .3rem 1rem; }}
li {{ margin: .8rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
time, footer {{ font-size: .85rem; opacity: .7; }}
</style>
<h1>{title}</h1>
<form method="post" action="/notes">
<p><label for="text">New note</label><br><textarea id="text" name="text" rows="3" required></textarea></p>
<p><button>Keep it</button></p>
</form>
<form method="get" action="/">
<p><label for="q">Search</label> <input id="q" name="q" value="{query}"> <button>Find</button></p>
</form>
<ol>
{items}
</ol>
<footer>{count} notes</footer>
</html>
"""


def render(title: str, count: int, notes: list[dict[str, object]], query: str) -> str:
    """The page with these notes; whatever people wrote is escaped."""
    items = "\n".join(
        f'<li value="{note["id"]}"><time>{escape(str(note["created_at"]))}</time>\n{escape(str(note["text"]))}</li>'
        for note in notes
    )
    return _PAGE.format(title=escape(title), count=count, items=items, query=escape(query))
