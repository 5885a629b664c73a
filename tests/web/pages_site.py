"""Serves the built pages of the reference's web interface, as its own server does, for an API elsewhere.

The pages are files in the Prefect package; they ask /ui-settings of their own origin where the API is.
"""
import http.server
import json
import mimetypes
import pathlib
import threading

PLACEHOLDER = b"/PREFECT_UI_SERVE_BASE_REPLACE_PLACEHOLDER"


class Site:
    def __init__(self, folder, api):
        site = self
        self.folder = pathlib.Path(folder)
        self.settings = {"api_url": api, "csrf_enabled": False, "auth": None, "flags": [], "default_ui": "v1",
                         "available_uis": ["v1"], "v1_base_url": "/", "v2_base_url": None}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.split("?")[0]
                if path == "/ui-settings":
                    kind, data = "application/json", json.dumps(site.settings).encode()
                else:
                    kind, data = site.file(path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                if path.startswith("/assets/"):  # their names change with what is in them
                    self.send_header("Cache-Control", "max-age=3600, immutable")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def file(self, path):
        """A file of the pages; any other address is a place inside the one page."""
        found = self.folder / path.lstrip("/")
        if path == "/" or not found.is_file():
            found = self.folder / "index.html"
        kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        data = found.read_bytes()
        if found.suffix in (".html", ".js", ".css", ".webmanifest"):
            data = data.replace(PLACEHOLDER, b"")
        return kind, data

    def close(self):
        self.server.shutdown()
        self.server.server_close()
