"""What a browser may load and do on our pages: what comes from us, and nothing that stands in the page itself."""

from __future__ import annotations

POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "img-src": ["'self'"],
        "manifest-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
    }
}
"""Pages within an authorization flow leave ``form-action`` out (``consent/screens/csp.py``)."""
