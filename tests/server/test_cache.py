"""Whose computed prefixes a request shares: cache_key, cache_salt and API keys."""
import hashlib
import json

import pytest

from helpers import post_chat, request, say


def scope(server, key=None, **fields):
    """(salt, key) as the engine got them."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = {"messages": say("cache scope"), **fields}
    status, _, data = request(server, "POST", "/v1/chat/completions", body, headers)
    assert status == 200, data
    return tuple(json.loads(data)["choices"][0]["message"]["content"].split("|"))


def test_fields_reach_the_engine(server):
    assert scope(server) == ("", "")
    assert scope(server, cache_key="talk 1") == ("", "talk 1")
    assert scope(server, prompt_cache_key="talk 2") == ("", "talk 2")
    assert scope(server, prompt_cache_key="a", cache_key="a") == ("", "a")
    assert scope(server, cache_salt="tenant") == (" salt tenant", "")
    assert scope(server, cache_key=None, cache_salt=None) == ("", "")


def test_completions_take_them_too(server):
    body = {"prompt": "cache scope", "cache_key": "k", "cache_salt": "s"}
    status, _, data = request(server, "POST", "/v1/completions", body)
    assert status == 200 and json.loads(data)["choices"][0]["text"] == " salt s|k"


def test_one_key_is_not_isolated_several_are(start):
    one = start(key="only")
    assert scope(one, "only") == ("", "")
    two = start(key=["alice", "bob"])
    salts = {name: scope(two, name)[0] for name in ("alice", "bob")}
    assert salts["alice"] == "key " + hashlib.sha256(b"alice").hexdigest()
    assert salts["bob"] == "key " + hashlib.sha256(b"bob").hexdigest()
    assert scope(two, "bob", cache_salt="x", cache_key="k") == (salts["bob"] + " salt x", "k")


@pytest.mark.parametrize("isolation, isolated", [("on", True), ("off", False)])
def test_isolation_is_a_setting(start, isolation, isolated):
    for keys in ("only", ["alice", "only"]):
        assert bool(scope(start(key=keys, cache_isolation=isolation), "only")[0]) == isolated


@pytest.mark.parametrize("fields", [{"cache_key": ""}, {"cache_salt": ""}, {"cache_key": "x" * 257}, {"cache_key": 3},
                                    {"cache_salt": ["s"]}, {"prompt_cache_key": ""},
                                    {"cache_key": "a", "prompt_cache_key": "b"}])
def test_bad_names_are_refused_by_name(server, fields):
    status, answer = post_chat(server, **fields)
    assert status == 400 and answer["error"]["param"] in fields


def test_usage_has_both_spellings(server):
    usage = post_chat(server)[1]["usage"]
    assert usage["prompt_cache_hit_tokens"] == usage["prompt_tokens_details"]["cached_tokens"]
    assert usage["prompt_cache_hit_tokens"] + usage["prompt_cache_miss_tokens"] == usage["prompt_tokens"]
