#!/usr/bin/env python3
"""Writes what original tokenizers make of many texts, for src/text/tokenizer_golden_test.cc.

    tokenizer_golden.py small OUT                     fixtures with tiny vocabularies trained here (committed)
    tokenizer_golden.py gguf OUT FILE [--tokenizer tokenizer.json] [--texts FILE...] [--count N] [--no-vocab]
        a model file's vocabulary against an original tokenizer.json, or, without one, against SentencePiece or the
        pipeline that PIPELINES names for tokenizer.ggml.pre; --no-vocab leaves the vocabulary out (the test reads FILE)
    tokenizer_golden.py json OUT tokenizer.json --model gpt2 --pre llama-bpe [...]
        an original tokenizer.json whose vocabulary is put into GGUF's shape here

The oracle is always the `tokenizers` or `sentencepiece` library (pip install tokenizers sentencepiece protobuf
gguf). The test reads OUT (a folder of *.json) with
PINGTI_TOKENIZER_GOLDEN=OUT.
"""

import argparse
import base64
import json
import os
import pathlib
import tempfile

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import tokenizer_texts

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
TAIL = r"""| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + TAIL
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + TAIL
QWEN35 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
WORD = r"[^\r\n\p{L}\p{N}]?"
CASED_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = f"{WORD}{UPPER}*{LOWER}+{CONTRACTIONS}?|{WORD}{UPPER}+{LOWER}*{CONTRACTIONS}?" + r"|\p{N}{1,3}" + CASED_TAIL
TEKKEN = f"{WORD}{UPPER}*{LOWER}+|{WORD}{UPPER}+{LOWER}*" + r"|\p{N}" + CASED_TAIL
DEEPSEEK_V3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
               r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
CJK = "[一-龥ࠀ-一가-\ud7ff]+"
LETTERS = (r"\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}"
           r"\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}"
           r"\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}"
           r"\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}"
           r"\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}"
           r"\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}"
           r"\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}"
           r"\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}"
           r"\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}"
           r"\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}"
           r"\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}"
           r"\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}"
           r"\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}"
           r"\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}"
           r"\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+")
PUNCTUATION = r"\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+"

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)


DIGIT, RAW = pre_tokenizers.Digits(individual_digits=True), byte_level(False)
# tokenizer.ggml.pre -> (steps of the original pre-tokenizer, NFC first, ignore_merges)
PIPELINES = {
    "gpt-2": ([byte_level(True)], False, False),
    "mpt": ([byte_level(True)], True, False),
    "smollm": ([DIGIT, byte_level(True)], False, False),
    "starcoder": ([DIGIT, byte_level(True)], False, False),
    "refact": ([DIGIT, byte_level(True)], False, False),
    "command-r": ([DIGIT, byte_level(True)], True, False),
    "llama-bpe": ([split(LLAMA3), RAW], False, True),
    "dbrx": ([split(LLAMA3), RAW], False, False),
    "qwen2": ([split(QWEN2), RAW], True, False),
    "deepseek-r1-qwen": ([split(QWEN2), RAW], True, False),
    "qwen35": ([split(QWEN35), RAW], True, False),
    "gpt-4o": ([split(GPT4O), RAW], False, True),
    "tekken": ([split(TEKKEN), RAW], False, True),
    "falcon": ([pre_tokenizers.Punctuation("contiguous"), byte_level(True), pre_tokenizers.Digits(individual_digits=False),
                split("[0-9][0-9][0-9]")], False, False),
    "default": ([pre_tokenizers.Punctuation("contiguous"), split(GPT2), pre_tokenizers.Digits(individual_digits=False),
                 split("[0-9][0-9][0-9]"), RAW], False, False),
    "deepseek-llm": ([split("[\r\n]"), split(LETTERS), split(PUNCTUATION), split("\\s+$"), split(CJK), DIGIT, RAW],
                     False, False),
    "deepseek-coder": ([split("[\r\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split(CJK), DIGIT, RAW], False, False),
    "deepseek-v3": ([split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK_V3), RAW], False, False),
}
CONTROL, USER_DEFINED, NORMAL, UNKNOWN, UNUSED, BYTE = 3, 4, 1, 2, 5, 6


def set_pipeline(tokenizer, pre):
    steps, nfc, _ = PIPELINES[pre]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()


# ---- vocabularies in GGUF's shape ------------------------------------------------------------------------


def vocab_from_json(path, model, pre):
    """GGUF's view of a tokenizer.json."""
    data = json.loads(pathlib.Path(path).read_text())
    ids = dict(data["model"]["vocab"])
    added = {token["content"]: token for token in data["added_tokens"]}
    ids |= {content: token["id"] for content, token in added.items()}
    count = max(ids.values()) + 1
    tokens, types = [f"[unused {i}]" for i in range(count)], [UNUSED] * count
    for token, id_ in ids.items():
        tokens[id_], types[id_] = token, NORMAL
        if token in added:
            types[id_] = CONTROL if added[token]["special"] else USER_DEFINED
        elif model != "gpt2" and len(token) == 6 and token.startswith("<0x"):
            types[id_] = BYTE
    merges = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    unk = data["model"].get("unk_token")
    return {"model": model, "pre": pre, "tokens": tokens, "types": types, "merges": merges,
            "unk": ids[unk] if unk else -1, "add_space_prefix": False}


def vocab_from_gguf(path):
    import gguf

    class MetadataReader(gguf.GGUFReader):
        """Reads files that are cut off after their header, too."""

        def _build_tensors(self, *_):
            pass

    reader = MetadataReader(path)

    def get(key, default=None):
        field = reader.fields.get("tokenizer.ggml." + key)
        return default if field is None else field.contents()

    vocab = {"model": get("model"), "pre": get("pre", ""), "tokens": get("tokens"), "merges": get("merges", []),
             "add_space_prefix": get("add_space_prefix", True), "add_bos": False, "unk": get("unknown_token_id", -1),
             "remove_extra_whitespaces": get("remove_extra_whitespaces", False)}
    for key, name in (("scores", "scores"), ("types", "token_type")):
        if get(name) is not None:
            vocab[key] = get(name)
    if get("precompiled_charsmap"):
        vocab["charsmap"] = base64.b64encode(bytes(b & 255 for b in get("precompiled_charsmap"))).decode()
    return vocab


def tokenizer_from_vocab(vocab):
    """The original pipeline around a byte-level vocabulary that a GGUF file holds."""
    pre = vocab["pre"] or "default"
    ids = {token: id_ for id_, token in enumerate(vocab["tokens"])}
    merges = [tuple(m.split(" ", 1)) for m in vocab["merges"]]
    tokenizer = Tokenizer(models.BPE(ids, merges, ignore_merges=PIPELINES[pre][2]))
    set_pipeline(tokenizer, pre)
    for token, kind in zip(vocab["tokens"], vocab["types"]):
        if kind in (CONTROL, USER_DEFINED, UNKNOWN):
            added = AddedToken(token, normalized=False, special=kind != USER_DEFINED)
            (tokenizer.add_tokens if kind == USER_DEFINED else tokenizer.add_special_tokens)([added])
    return tokenizer


# ---- cases -----------------------------------------------------------------------------------------------


def cases(encode, texts):
    """[text, ids] rows for one way of encoding; the ids as one string to keep files short."""
    return [[text, " ".join(map(str, encode(text)))] for text in texts]


def tokenizer_cases(tokenizer, texts):
    rows = {}
    for parse_special in (True, False):
        tokenizer.encode_special_tokens = not parse_special
        rows["parse_special" if parse_special else "plain"] = cases(
            lambda text: tokenizer.encode(text, add_special_tokens=False).ids, texts)
    tokenizer.encode_special_tokens = False
    return rows


def write(out, name, vocab, rows, **more):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    content = {"vocab": vocab, "cases": rows, **more} if vocab else {"cases": rows, **more}
    (out / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def specials_of(vocab):
    return [t for t, kind in zip(vocab["tokens"], vocab.get("types", [])) if kind in (CONTROL, USER_DEFINED, UNKNOWN)]


def all_texts(arguments, specials):
    texts = list(tokenizer_texts.HAND)
    texts += [f"a{token} b" for token in specials[: arguments.specials]] + ["".join(specials[:40])]
    texts += tokenizer_texts.mixtures(arguments.count, 7, specials)
    for path in arguments.texts:
        lines = pathlib.Path(path).read_text().splitlines(keepends=True)
        texts += lines[: arguments.lines]
    return texts


# ---- small fixtures --------------------------------------------------------------------------------------

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im"]
CORPUS = [t for t in tokenizer_texts.HAND for _ in range(3)] + list(tokenizer_texts.mixtures(400, 1))
SMALL_KINDS = ["gpt-2", "mpt", "smollm", "llama-bpe", "qwen2", "qwen35", "gpt-4o", "tekken", "falcon", "default", "deepseek-llm",
               "deepseek-coder", "deepseek-v3"]


def small_texts(seed, count=120):
    specials = SPECIALS + ["<tool>", "<unk>"]
    return tokenizer_texts.HAND + ["".join(specials), "a<|im_end|>b <tool> <|im"] + list(
        tokenizer_texts.mixtures(count, seed, specials))


def small_byte_level(out, pre):
    tokenizer = Tokenizer(models.BPE())
    set_pipeline(tokenizer, pre)
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIALS, initial_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tokenizer.json")
        tokenizer.save(path)
        data = json.loads(pathlib.Path(path).read_text())
        data["model"]["ignore_merges"] = PIPELINES[pre][2]
        pathlib.Path(path).write_text(json.dumps(data))
        tokenizer = Tokenizer.from_file(path)
        vocab = vocab_from_json(path, "gpt2", pre)
    write(out, pre, vocab, tokenizer_cases(tokenizer, small_texts(2)))


def sentencepiece_vocab(processor, model):
    count = processor.get_piece_size()
    types = [UNKNOWN if processor.is_unknown(i) else CONTROL if processor.is_control(i) else BYTE if processor.is_byte(i)
             else NORMAL for i in range(count)]
    return {"model": model, "tokens": [processor.id_to_piece(i) for i in range(count)], "types": types,
            "scores": [processor.get_score(i) for i in range(count)], "unk": processor.unk_id()}


# A map short enough to commit: full width to ASCII, composed accents, ligatures, odd spaces, things removed.
NORMALIZATION = ([(chr(0xFF01 + i), chr(0x21 + i)) for i in range(94)] +
                 [("e\u0301", "é"), ("a\u0308", "ä"), ("A\u030a", "Å"), ("\u212b", "Å"), ("ﬁ", "fi"), ("ﬀ", "ff"), ("\u3000", " "),
                  ("\u00a0", " "), ("\u2003", " "), ("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", ""), ("\ufeff", ""), ("½", "1/2"),
                  ("…", "..."), ("㌔", "キロ")])


def small_sentencepiece(out, name, kind, byte_fallback, **options):
    import io
    import sentencepiece
    model = io.BytesIO()
    common = tokenizer_texts.HAND[:20] * 40 + tokenizer_texts.HAND * 2
    lines = [line for text in common for line in text.replace("\0", "").split("\n") if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder, "rules.tsv")
        rules.write_text("".join(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n"
                                 for a, b in NORMALIZATION))
        if kind == "unigram":
            options["normalization_rule_tsv"] = str(rules)
        else:
            options["normalization_rule_name"] = "identity"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, model_type=kind, vocab_size=options.pop("vocab_size"),
            character_coverage=0.98, byte_fallback=byte_fallback, minloglevel=2, **options)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    vocab = sentencepiece_vocab(processor, "t5" if kind == "unigram" else "llama")
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    spec = proto.normalizer_spec
    vocab |= {"add_space_prefix": spec.add_dummy_prefix, "remove_extra_whitespaces": spec.remove_extra_whitespaces}
    if kind == "unigram":
        vocab["charsmap"] = base64.b64encode(spec.precompiled_charsmap).decode()
    texts = [t for t in small_texts(3) if "\0" not in t]
    write(out, name, vocab, {"plain": cases(processor.encode, texts)})


def small(arguments):
    for pre in SMALL_KINDS:
        small_byte_level(arguments.out, pre)
    plain = {"remove_extra_whitespaces": False, "vocab_size": 900}
    small_sentencepiece(arguments.out, "sentencepiece-bpe", "bpe", True, **plain)
    small_sentencepiece(arguments.out, "sentencepiece-bpe-no-prefix", "bpe", True, add_dummy_prefix=False, **plain)
    small_sentencepiece(arguments.out, "unigram", "unigram", False, vocab_size=500)
    small_sentencepiece(arguments.out, "unigram-bytes", "unigram", True, vocab_size=700)


def original_tokenizer(path, vocab):
    """An original tokenizer.json; which of its added tokens are control tokens is as the model file says."""
    data = json.loads(pathlib.Path(path).read_text())
    for token in data["added_tokens"]:
        if token["id"] < len(vocab["types"]):
            token["special"] = vocab["types"][token["id"]] in (CONTROL, UNKNOWN)
    return Tokenizer.from_str(json.dumps(data))


def sentencepiece_processor(vocab):
    """The original SentencePiece around a vocabulary that a GGUF file holds. It knows no special tokens in text."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    kinds = {UNKNOWN: 2, CONTROL: 3, USER_DEFINED: 4, UNUSED: 5, BYTE: 6}
    for token, score, kind in zip(vocab["tokens"], vocab["scores"], vocab["types"]):
        proto.pieces.add(piece=token, score=score, type=kinds.get(kind, 1))
    proto.trainer_spec.model_type = 1 if vocab["model"] == "t5" else 2
    proto.trainer_spec.byte_fallback = BYTE in vocab["types"]
    proto.trainer_spec.unk_piece = vocab["tokens"][vocab["unk"]]
    proto.normalizer_spec.add_dummy_prefix = vocab["add_space_prefix"]
    proto.normalizer_spec.remove_extra_whitespaces = vocab["remove_extra_whitespaces"]
    proto.normalizer_spec.precompiled_charsmap = base64.b64decode(vocab.get("charsmap", ""))
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())


def compare_sentencepiece(arguments, vocab):
    processor = sentencepiece_processor(vocab)
    texts = [text for text in all_texts(arguments, []) if "\0" not in text]
    write(arguments.out, arguments.name, vocab, {"plain": cases(processor.encode, texts)})


def compare_gguf(arguments):
    vocab = vocab_from_gguf(arguments.file)
    if vocab["model"] in ("llama", "t5") and not arguments.tokenizer:
        return compare_sentencepiece(arguments, vocab)
    tokenizer = original_tokenizer(arguments.tokenizer, vocab) if arguments.tokenizer else tokenizer_from_vocab(vocab)
    rows = tokenizer_cases(tokenizer, all_texts(arguments, specials_of(vocab)))
    write(arguments.out, arguments.name or pathlib.Path(arguments.file).stem, None if arguments.no_vocab else vocab, rows)


def compare_json(arguments):
    vocab = vocab_from_json(arguments.file, arguments.model, arguments.pre)
    vocab["add_space_prefix"] = arguments.space_prefix
    if arguments.scores_from_merges:  # such merges were made from scores: the best score's merges come first
        scores = {}
        for rank, merge in enumerate(vocab["merges"]):
            scores.setdefault(merge.replace(" ", ""), -float(rank))
        vocab |= {"scores": [scores.get(token, -1e9) for token in vocab["tokens"]], "merges": []}
    tokenizer = Tokenizer.from_file(arguments.file)
    rows = tokenizer_cases(tokenizer, all_texts(arguments, specials_of(vocab)))
    write(arguments.out, arguments.name, vocab, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("small")
    command.add_argument("out")
    command.set_defaults(run=small)
    for name, run in (("gguf", compare_gguf), ("json", compare_json)):
        command = commands.add_parser(name)
        command.add_argument("out")
        command.add_argument("file")
        command.add_argument("--name")
        command.add_argument("--tokenizer")
        command.add_argument("--model", default="gpt2")
        command.add_argument("--pre", default="")
        command.add_argument("--space-prefix", action="store_true")
        command.add_argument("--scores-from-merges", action="store_true")
        command.add_argument("--no-vocab", action="store_true")
        command.add_argument("--texts", nargs="*", default=[])
        command.add_argument("--lines", type=int, default=2000, help="of each text file")
        command.add_argument("--count", type=int, default=2000, help="random mixtures")
        command.add_argument("--specials", type=int, default=10000)
        command.set_defaults(run=run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
