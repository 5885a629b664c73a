# SPDX-License-Identifier: Apache-2.0
"""What Prefect reads from its surroundings when it is imported: settings and logging.

A child reads all of it again, unless its surroundings are those of the template: then the template's objects are what
reading would give, and only the headers, which carry the run's fence, are put in.
"""
import json
import os
import sys

HEADERS = "PREFECT_CLIENT_CUSTOM_HEADERS"
TERMINAL = {"NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE",
            "JUPYTER_COLUMNS", "JUPYTER_LINES", "DATABRICKS_RUNTIME_VERSION", "CI"}
CONFIG_FILES = (".env", "prefect.toml", "pyproject.toml")


def _relevant(env):
    return {k: v for k, v in env.items()
            if (k.upper().startswith("PREFECT_") and not k.startswith("PREFECT__") and k != HEADERS) or k in TERMINAL}


def _stamp(path):
    try:
        st = os.stat(path)
    except OSError:
        return None
    return st.st_mtime_ns, st.st_size, st.st_ino


class World:
    """The surroundings of this process, to be compared with those of a child later."""

    def __init__(self):
        from prefect.settings import get_current_settings, sources
        settings = get_current_settings()
        self.env = _relevant(os.environ)
        self.with_headers = HEADERS in os.environ
        self.bare = not any(os.path.lexists(name) for name in CONFIG_FILES)
        self.files = {str(p): _stamp(p) for p in (sources._get_profiles_path(), settings.logging.config_path)}

    def is_mine(self):
        return (self.bare and self.env == _relevant(os.environ) and self.with_headers == (HEADERS in os.environ)
                and not any(os.path.lexists(name) for name in CONFIG_FILES)
                and all(_stamp(path) == stamp for path, stamp in self.files.items()))


def _headers():
    """The headers of our environment, None when they are not what is understood here."""
    try:
        headers = json.loads(os.environ.get(HEADERS, "{}"))
    except ValueError:
        return None
    if isinstance(headers, dict) and all(isinstance(v, str) for v in headers.values()):
        return headers
    return None


def refresh(world):
    """Makes Prefect's settings and logging those of our environment; whether plugins are wanted."""
    from prefect import context
    from prefect.logging import configuration
    from prefect.settings import get_current_settings, sources

    headers = _headers()
    if headers is not None and world.is_mine():
        if world.with_headers:
            own = get_current_settings().client.custom_headers
            own.clear()
            own.update(headers)
    else:
        sources._file_cache.clear()
        context.refresh_global_settings_context()
        if not get_current_settings().plugins.enabled:
            configuration.setup_logging(incremental=False)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    return get_current_settings().plugins.enabled
