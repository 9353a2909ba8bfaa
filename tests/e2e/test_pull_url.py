"""`pingti pull` of plain addresses: resuming, retries, digests, signals, certificates, proxies."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from pull_runner import content
from stand_ins import FileServer, answer, sha256


def test_url_is_fetched_once(pingti, files):
    data = content(300_000)
    files.add("/m.gguf", data)
    path = pingti.pull(files.url + "/m.gguf")
    assert path.read_bytes() == data
    assert pingti.pull(files.url + "/m.gguf") == path
    assert len(files.fetches("/m.gguf")) == 1
    assert pingti.litter() == []


def test_a_query_is_kept_from_disk_and_messages(pingti, files):
    data = content(300_000)
    faults = files.add("/m.gguf", data)
    address = files.url + "/m.gguf?X-Signature=s3cr3t"
    faults.statuses = [(503, {})]
    done = pingti("pull", "--json", address)
    assert done.returncode == 0 and "s3cr3t" not in done.out + done.err
    path = pathlib.Path(json.loads(done.out.splitlines()[-1])["path"])
    assert path.read_bytes() == data and files.requests[-1][0].endswith("?X-Signature=s3cr3t")
    assert pingti.pull(address) == path and len(files.fetches("/m.gguf")) == 2, "the same address: not fetched again"
    assert "s3cr3t" not in pingti("run", "-m", address + "&other=s3cr3t", "-p", "x").err
    kept = [file for file in pingti.folder.rglob("*") if file.is_file() and b"s3cr3t" in file.read_bytes()]
    assert kept == [] and not any("s3cr3t" in str(file) for file in pingti.folder.rglob("*"))
    faults.statuses = [(404, {})]
    assert "s3cr3t" not in pingti.refused("hub.http_404", files.url + "/m.gguf?X-Signature=s3cr3t-later")


def test_a_signed_download_goes_on_after_a_cut(pingti, files):
    data = content(3_000_000)
    faults = files.add("/m.gguf", data)
    faults.cut_after = [1_000_000]
    address = files.url + "/m.gguf?sig=s3cr3t"
    assert pingti("pull", "--retries", "0", address).returncode == 1
    assert not any(b"s3cr3t" in file.read_bytes() for file in pingti.folder.rglob("*") if file.is_file())
    assert pingti.pull(address).read_bytes() == data
    assert files.fetches("/m.gguf")[1].get("Range", "bytes=0-") != "bytes=0-"


def test_size_is_shown_before_the_first_byte_and_json_lines_parse(pingti, files):
    files.add("/m.gguf", content(300_000))
    done = pingti("pull", "--json", files.url + "/m.gguf")
    lines = [json.loads(line) for line in done.out.splitlines()]
    events = [line["event"] for line in lines]
    assert events[-2:] == ["done", "model"]
    assert lines[events.index("start")]["total"] == 300_000
    assert lines[-1]["bytes"] == 300_000 and lines[-1]["fetched"] is True
    assert all(line["done"] <= 300_000 for line in lines if "done" in line)


def test_cut_connection_goes_on_from_where_it_stopped(pingti, files):
    data = content(3_000_000)
    faults = files.add("/m.gguf", data)
    faults.cut_after = [1_000_000, 500_000]
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == data
    ranges = [headers.get("Range") for headers in files.fetches("/m.gguf")]
    assert ranges[0] is None
    assert all(later is not None and later != "bytes=0-" for later in ranges[1:])
    assert len(ranges) == 3
    assert all("If-Range" in headers for headers in files.fetches("/m.gguf")[1:])


def test_server_without_ranges_is_read_from_the_start_again(pingti, files):
    data = content(500_000)
    faults = files.add("/m.gguf", data)
    faults.cut_after, faults.ignore_range = [200_000], True
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == data


def test_file_changed_between_two_tries_is_not_mixed(pingti, files):
    old, new = content(2_000_000, 1), content(2_000_000, 2)
    faults = files.add("/m.gguf", old)
    faults.cut_after = [800_000] * 2
    pingti.refused("http.cut", "--retries", 0, files.url + "/m.gguf")
    faults.cut_after = []
    files.files["/m.gguf"] = new
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == new


def test_resume_without_validator_or_digest_starts_anew(pingti, files):
    faults = files.add("/m.gguf", content(1_000_000, 1))
    faults.etag, faults.cut_after = False, [400_000]
    pingti.refused("http.cut", "--retries", 0, files.url + "/m.gguf")
    files.files["/m.gguf"] = content(1_000_000, 2)
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == content(1_000_000, 2)


def test_stalled_connection_is_given_up_and_resumed(pingti, files):
    data = content(2_000_000)
    files.add("/m.gguf", data).stall_after = 1_000_000
    begin = time.monotonic()
    assert pingti.pull("--stall-timeout", 2, files.url + "/m.gguf").read_bytes() == data
    assert time.monotonic() - begin < 20


def test_chunked_answer_without_length(pingti, files):
    data = content(100_000)
    files.add("/m.gguf", data).chunked = True
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == data


def test_empty_file(pingti, files):
    files.add("/m.gguf", b"")
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == b""


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_transient_status_is_tried_again(pingti, files, status):
    data = content(1000)
    files.add("/m.gguf", data).statuses = [(status, {}), (status, {})]
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == data
    assert len(files.fetches("/m.gguf")) == 3


def test_retry_after_is_honoured(pingti, files):
    files.add("/m.gguf", b"x").statuses = [(429, {"Retry-After": "3"})]
    begin = time.monotonic()
    pingti.pull(files.url + "/m.gguf")
    assert time.monotonic() - begin >= 3


def test_retry_after_beyond_patience_is_reported(pingti, files):
    files.add("/m.gguf", b"x").statuses = [(503, {"Retry-After": "4000"})]
    assert "4000 seconds" in pingti.refused("hub.http_503", files.url + "/m.gguf")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_final_status_is_not_tried_again(pingti, files, status):
    files.add("/m.gguf", b"x").statuses = [(status, {})] * 3
    pingti.refused(f"hub.http_{status}", files.url + "/m.gguf")
    assert len(files.fetches("/m.gguf")) == 1
    assert pingti.litter() == []


def test_retries_end(pingti, files):
    files.add("/m.gguf", b"x").statuses = [(500, {})] * 9
    pingti.refused("hub.http_500", "--retries", 1, files.url + "/m.gguf")
    assert len(files.fetches("/m.gguf")) == 2


def test_unreachable_server(pingti):
    pingti.refused("http.connection", "--retries", 0, "http://127.0.0.1:9/m.gguf")


def test_redirects_end(pingti, files):
    files.routes.append(lambda handler, path: answer(handler, 302, b"", {"Location": "/again" + path[-20:]}))
    assert "more than 10 times" in pingti.refused("http.redirect", files.url + "/m.gguf")


def test_digest_in_the_address(pingti, files):
    data = content(10_000)
    files.add("/m.gguf", data)
    assert pingti.pull(f"{files.url}/m.gguf#sha256={sha256(data)}").read_bytes() == data
    files.files["/m.gguf"] = content(10_000, 2)
    error = pingti.refused("hub.sha256_mismatch", f"{files.url}/m.gguf#sha256={'0' * 64}")
    assert "0" * 64 in error and sha256(content(10_000, 2)) in error


def test_broken_file_is_found_and_fetched_again(pingti, files):
    data = content(10_000)
    files.add("/m.gguf", data)
    reference = f"{files.url}/m.gguf#sha256={sha256(data)}"
    path = pingti.pull(reference)
    path.write_bytes(data[:-1])
    assert pingti.pull(reference).read_bytes() == data
    status = path.stat()
    path.write_bytes(data[:-1] + b"?")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert pingti.pull("--verify", reference).read_bytes() == data
    assert len(files.fetches("/m.gguf")) == 3


def test_kill_in_the_middle_then_resume(pingti, files):
    data = content(4_000_000)
    faults = files.add("/m.gguf", data)
    faults.bytes_per_second = 2_000_000
    process = pingti.start("pull", files.url + "/m.gguf")
    part = pingti.folder / "url" / files.url.removeprefix("http://").replace(":", "_") / "m.gguf.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 500_000):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert part.exists() and not part.with_suffix("").exists()
    faults.bytes_per_second = None
    assert pingti.pull(files.url + "/m.gguf").read_bytes() == data
    last = files.fetches("/m.gguf")[-1]
    assert int(last["Range"].removeprefix("bytes=").rstrip("-")) > 500_000
    assert pingti.litter() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_and_keeps_what_came(pingti, files, number):
    faults = files.add("/m.gguf", content(4_000_000))
    faults.bytes_per_second = 1_000_000
    process = pingti.start("pull", files.url + "/m.gguf")
    deadline = time.monotonic() + 20
    while not list(pingti.folder.rglob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1 and "cancelled" in err
    assert [path.name for path in pingti.folder.rglob("*.part")] == ["m.gguf.part"]


def test_two_pulls_of_one_file_fetch_it_once(pingti, files):
    data = content(2_000_000)
    files.add("/m.gguf", data).bytes_per_second = 2_000_000
    reference = f"{files.url}/m.gguf#sha256={sha256(data)}"
    both = [pingti.start("pull", reference) for _ in range(2)]
    results = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    assert results[0][0] == results[1][0]
    assert any("waiting for it" in err for _, err in results)
    assert len(files.fetches("/m.gguf")) == 1
    assert pathlib.Path(results[0][0].strip()).read_bytes() == data


def test_wrong_usage(pingti):
    assert pingti("pull").returncode == 2
    assert pingti("pull", "two words").returncode == 2
    assert pingti("pull", "--retries", "-1", "smollm2-135m").returncode == 2


@pytest.fixture
def secure(tmp_path):
    """An https server whose certificate no system knows."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    server = FileServer(tls=(certificate, key))
    server.certificate = certificate
    yield server
    server.close()


def test_certificates_are_checked(pingti, secure):
    secure.add("/m.gguf", b"data")
    assert "SSL_CERT_FILE" in pingti.refused("http.tls", secure.url + "/m.gguf")
    pingti.env["SSL_CERT_FILE"] = str(secure.certificate)
    assert pingti.pull(secure.url + "/m.gguf").read_bytes() == b"data"


def test_https_does_not_fall_back_to_http(pingti, secure, files):
    pingti.env["SSL_CERT_FILE"] = str(secure.certificate)
    files.add("/m.gguf", b"data")
    secure.routes.append(lambda handler, path: answer(handler, 302, b"", {"Location": files.url + "/m.gguf"}))
    assert "not encrypted" in pingti.refused("http.redirect", secure.url + "/m.gguf")
    assert files.requests == []


def test_proxy_is_used(pingti, files):
    pingti.env["http_proxy"] = files.url
    files.add("http://models.example/m.gguf", b"through the proxy")
    files.routes.append(lambda handler, path: handler.path.startswith("http://") and files.serve_file(handler, handler.path) is None)
    assert pingti.pull("http://models.example/m.gguf").read_bytes() == b"through the proxy"
