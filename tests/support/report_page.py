"""What a page holds."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def elements(html):
    parser = Elements()
    parser.feed(html)
    return parser.seen


def records_of(html):
    return json.loads(unpacked(html, "records"))


def unpacked(html, name):
    """The text of a packed element; its alphabet can close nothing."""
    held = re.search(rf'<script type="application/octet-stream" id="{name}">([^<]*)</script>', html)
    assert held
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", held.group(1))
    return gzip.decompress(base64.b64decode(held.group(1))).decode()
