"""llama-server's and vLLM's helper endpoints."""
import json

import pytest

from helpers import request, say


def post(server, path, body):
    status, _, data = request(server, "POST", path, body)
    return status, json.loads(data)


def test_tokenize_as_llama_server(server):
    status, answer = post(server, "/tokenize", {"content": "aé<|im_end|>"})
    ids = answer["tokens"]
    assert status == 200 and set(answer) == {"tokens"} and len(ids) == 4 and ids[-1] == 257
    assert len(post(server, "/tokenize", {"content": "<|im_end|>", "parse_special": False})[1]["tokens"]) == 10
    pieces = post(server, "/tokenize", {"content": "aé", "with_pieces": True})[1]["tokens"]
    assert pieces == [{"id": ids[0], "piece": "a"}, {"id": ids[1], "piece": [0xC3]}, {"id": ids[2], "piece": [0xA9]}]
    assert post(server, "/tokenize", {"content": ""}) == (200, {"tokens": []})


def test_tokenize_as_vllm(server):
    status, answer = post(server, "/tokenize", {"model": "fake", "prompt": "ab", "return_token_strs": True})
    assert status == 200 and answer["count"] == 2 and answer["max_model_len"] == 2048
    assert answer["token_strs"] == ["a", "b"]
    status, answer = post(server, "/tokenize", {"messages": say("hi")})
    assert status == 200 and answer["token_strs"] is None
    shorter = post(server, "/tokenize", {"messages": say("hi"), "add_generation_prompt": False})[1]
    assert shorter["count"] < answer["count"]
    prompt = post(server, "/apply-template", {"messages": say("hi")})[1]["prompt"]
    assert post(server, "/detokenize", {"tokens": answer["tokens"]})[1]["content"] == prompt
    assert "hi" in prompt and prompt.endswith("<|im_start|>assistant\n")


def test_detokenize(server):
    ids = post(server, "/tokenize", {"content": "Grüße\n"})[1]["tokens"]
    assert post(server, "/detokenize", {"tokens": ids}) == (200, {"content": "Grüße\n", "prompt": "Grüße\n"})
    status, answer = post(server, "/detokenize", {"tokens": [5000]})
    assert status == 400 and answer["error"]["param"] == "tokens"


@pytest.mark.parametrize("body", [{}, {"content": "a", "prompt": "b"}, {"content": 3}, {"messages": []},
                                  {"content": "a", "return_token_strs": True}, {"prompt": "a", "with_pieces": True}])
def test_tokenize_refusals(server, body):
    assert post(server, "/tokenize", body)[0] == 400


def test_infill(server):
    fields = {"input_prefix": "def f():", "input_suffix": "return 1", "n_predict": 100}
    status, answer = post(server, "/infill", fields)
    assert status == 200 and answer["stop"] is True and answer["stop_type"] == "eos"
    assert answer["content"] == "<|fim_prefix|>def f():<|fim_suffix|>return 1<|fim_middle|>"
    assert answer["tokens_predicted"] == len(answer["content"])
    longer = post(server, "/infill", {**fields, "prompt": "  x", "input_extra": [{"filename": "a.py", "text": "A"}]})[1]
    assert longer["content"] == "\n\na.py\nA" + answer["content"] + "  x"
    assert post(server, "/infill", {**fields, "n_predict": 4})[1]["stop_type"] == "limit"
    stopped = post(server, "/infill", {**fields, "stop": ["def"]})[1]
    assert stopped["stop_type"] == "word" and stopped["stopping_word"] == "def" and stopped["content"] == "<|fim_prefix|>"
    assert post(server, "/infill", {"input_prefix": "a"})[1]["error"]["param"] == "input_suffix"
    assert post(server, "/infill", {**fields, "n": 2})[0] == 400


def test_infill_streamed(server):
    _, _, data = request(server, "POST", "/infill", {"input_prefix": "a", "input_suffix": "b", "stream": True, "n_predict": 9})
    chunks = [json.loads(e[6:]) for e in data.decode().split("\n\n") if e]
    assert "".join(c["content"] for c in chunks) == "<|fim_pre"
    assert [c["stop"] for c in chunks] == [False] * (len(chunks) - 1) + [True]


def test_rerank_needs_a_ranking_model(server):
    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        status, answer = post(server, path, {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1})
        assert status == 400 and answer["error"]["code"] == "model_not_reranker"
    assert post(server, "/rerank", {"query": "q", "documents": []})[1]["error"]["param"] == "documents"


def test_props(server):
    _, _, data = request(server, "GET", "/props")
    props = json.loads(data)
    assert props["default_generation_settings"]["n_ctx"] == 2048 and props["eos_token"] == "<|im_end|>"
    assert "im_start" in props["chat_template"]
