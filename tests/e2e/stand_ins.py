"""Local stand-ins for what `pingti pull` talks to: file servers that misbehave on request, and the APIs of
Hugging Face and ModelScope. Everything listens on 127.0.0.1."""

import hashlib
import http.server
import json
import ssl
import threading
import time


class Faults:
    """What a FileServer does wrong, counted down per request to the file."""

    def __init__(self):
        self.statuses = []  # answered in turn before anything else: (status, headers)
        self.cut_after = []  # bytes sent before the connection is closed, in turn
        self.stall_after = None  # bytes sent before the server goes silent
        self.ignore_range = False
        self.etag = True
        self.bytes_per_second = None
        self.chunked = False


class FileServer:
    """Serves files with ETag, Range and If-Range. `requests` logs (path, headers)."""

    def __init__(self, tls=None):
        """`tls`: (certificate file, key file)"""
        self.files = {}
        self.faults = {}
        self.requests = []
        self.routes = []  # callables (handler, path) -> bool, tried first
        self.closing = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                path = self.path.split("?")[0]
                owner.requests.append((self.path, dict(self.headers)))
                try:
                    if not any(route(self, path) for route in owner.routes):
                        owner.serve_file(self, path)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def add(self, path, content):
        self.files[path] = content
        return self.faults.setdefault(path, Faults())

    def fetches(self, path):
        return [headers for where, headers in self.requests if where.split("?")[0] == path]

    def serve_file(self, handler, path):
        content = self.files.get(path)
        if content is None:
            return answer(handler, 404, b"no such file")
        faults = self.faults[path]
        if faults.statuses:
            status, headers = faults.statuses.pop(0)
            return answer(handler, status, b"refused", headers)
        etag = '"' + hashlib.md5(content).hexdigest() + '"'
        begin = 0
        wanted = handler.headers.get("Range")
        condition = handler.headers.get("If-Range")
        if wanted and not faults.ignore_range and (condition is None or condition == etag):
            begin = int(wanted.removeprefix("bytes=").split("-")[0])
            if begin >= len(content):
                return answer(handler, 416, b"", {"Content-Range": f"bytes */{len(content)}"})
        body = content[begin:]
        handler.send_response(206 if begin else 200)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if faults.etag:
            handler.send_header("ETag", etag)
        if faults.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        self.send_body(handler, body, faults)

    def send_body(self, handler, body, faults):
        if faults.chunked:
            handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return
        end = faults.cut_after.pop(0) if faults.cut_after else len(body)
        stall = faults.stall_after
        step = max(1, (faults.bytes_per_second or 0) // 20) if faults.bytes_per_second else 1 << 16
        sent = 0
        while sent < min(end, len(body)):
            piece = body[sent : min(sent + step, end)]
            handler.wfile.write(piece)
            handler.wfile.flush()
            sent += len(piece)
            if stall is not None and sent >= stall:
                faults.stall_after = None
                self.closing.wait(30)
                break
            if faults.bytes_per_second:
                time.sleep(0.05)
        if sent < len(body):
            handler.close_connection = True
            handler.connection.close()


def answer(handler, status, body, headers=None):
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class HubServer(FileServer):
    """A hub: lists `repository` and redirects file requests to a storage server on another port."""

    def __init__(self, repository, token=None):
        super().__init__()
        self.repository = repository
        self.token = token
        self.storage = FileServer()
        self.listing_statuses = []
        self.lies = {}  # path -> what the listing says instead: {"sha256": ..., "size": ...}
        self.routes.append(self.route)

    def close(self):
        super().close()
        self.storage.close()

    def publish(self, path, content):
        return self.storage.add("/" + path, content)

    def answer_listing(self, handler):
        return answer(handler, 200, json.dumps(self.listing()).encode(), {"Content-Type": "application/json"})

    def authorized(self, handler):
        return self.token is None or handler.headers.get("Authorization") == f"Bearer {self.token}"

    def entries(self):
        for path, content in self.storage.files.items():
            fact = {"sha256": sha256(content), "size": len(content)} | self.lies.get(path[1:], {})
            yield path[1:], fact["size"], fact["sha256"]

    def route(self, handler, path):
        listing, files = self.paths()
        if path == listing:
            if self.listing_statuses:
                return answer(handler, self.listing_statuses.pop(0), b"")
            if not self.authorized(handler):
                return answer(handler, 401, b"")
            return self.answer_listing(handler)
        if path.startswith(files):
            if not self.authorized(handler):
                return answer(handler, 401, b"")
            return answer(handler, 302, b"", {"Location": f"{self.storage.url}/{path.removeprefix(files)}"})
        return answer(handler, 404, b"")


class HuggingFace(HubServer):
    def paths(self):
        return f"/api/models/{self.repository}/tree/main", f"/{self.repository}/resolve/main/"

    page_size = 1000

    def answer_listing(self, handler):
        """Pages, as the real API gives them: the next one's address is in the Link header."""
        entries = self.listing()
        begin = int(handler.path.partition("cursor=")[2] or 0)
        end = begin + self.page_size
        headers = {"Content-Type": "application/json"}
        if end < len(entries):
            headers["Link"] = f'<{self.url}{self.paths()[0]}?recursive=1&cursor={end}>; rel="next"'
        return answer(handler, 200, json.dumps(entries[begin:end]).encode(), headers)

    def listing(self):
        return [{"type": "directory", "path": "sub"}] + [
            {"type": "file", "path": path, "size": size, "oid": "0" * 40, "lfs": {"oid": digest, "size": size}}
            for path, size, digest in self.entries()
        ]


class ModelScope(HubServer):
    def paths(self):
        return f"/api/v1/models/{self.repository}/repo/files", f"/models/{self.repository}/resolve/master/"

    def listing(self):
        return {
            "Code": 200,
            "Data": {
                "Files": [
                    {"Type": "blob", "Name": path.split("/")[-1], "Path": path, "Size": size, "Sha256": digest}
                    for path, size, digest in self.entries()
                ]
            },
        }


def make_wheel(folder, name, version, files):
    """Writes NAME-VERSION-py3-none-any.whl that pip accepts."""
    import zipfile

    stem = name.replace("-", "_")
    wheel = folder / f"{stem}-{version}-py3-none-any.whl"
    info = f"{stem}-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel
