"""Prompts of an exact number of tokens.

The words below are one token each in most byte-pair vocabularies; calibrate() asks the server which are, and keeps
those. Tokens do not cross word borders, so n kept words are n tokens, and the server's usage of every timed request
says whether that held.
"""
import random

WORDS = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea kid body information
back parent face level office door health person art war history party result change morning reason research girl
guy moment air teacher force education foot boy age policy music market sense nation plan college interest death
experience effect use class control field development role effort rate heart drug show leader light voice wife whole
police mind price report decision son view relationship town road arm difference value building action season
society tax director position player record paper space ground form event official matter center couple site
project activity star table need court oil situation cost industry figure street image phone data picture practice
piece land product doctor wall patient worker news test movie north love step window south box glass river stone
bridge garden winter summer spring king queen ship train horse bird fish tree leaf sand snow rain wind fire cloud
mountain valley island forest ocean beach desert village castle church tower gate path field farm corn bread milk
salt sugar gold silver iron copper steel wood cotton paint color red green blue white black brown young old new long
great small large early early late high low deep wide open close hard soft warm cold dry clean dark bright quick slow
strong weak rich poor happy quiet sharp simple common public private local human social full empty""".split()
WORDS = list(dict.fromkeys(WORDS))


class Vocabulary:
    """Words of one token each at the start of a text (leads) and after a space (words), and what a prompt of the
    endpoint holds beside its words (overhead, tokens)."""

    def __init__(self, leads, words, overhead):
        self.leads, self.words, self.overhead = leads, words, overhead


async def calibrate(count, candidates=None):
    """A Vocabulary. count(text) is a coroutine: tokens of the prompt made of text, as the server counts them."""
    candidates = candidates or WORDS
    alone = {word: await count(word) for word in candidates[:48]}
    least = min(alone.values())
    leads = [word for word, tokens in alone.items() if tokens == least]
    overhead = least - 1

    async def kept(words):
        tokens = await count(" ".join([leads[0], *words])) - least
        if tokens == len(words):
            return words
        if len(words) == 1:
            return []
        half = len(words) // 2
        return await kept(words[:half]) + await kept(words[half:])

    # Groups that fit a small context.
    words = [word for at in range(0, len(candidates), 64) for word in await kept(candidates[at:at + 64])]
    if len(words) < 32:
        raise RuntimeError(f"only {len(words)} of {len(candidates)} words are one token of this model")
    return Vocabulary(leads, words, overhead)


class WordText:
    """Random words. Texts of one seed differ from those of another from the first token on, as far as there are
    leads: with L leads, every Lth text begins with the same word, then goes on with others."""

    def __init__(self, vocabulary, seed):
        self.vocabulary = vocabulary
        self.random = random.Random(seed)
        self.leads = []

    def lead(self):
        if not self.leads:
            self.leads = self.random.sample(self.vocabulary.leads, len(self.vocabulary.leads))
        return self.leads.pop()

    def words(self, tokens):
        """A text that goes on after another: so many tokens, each with a space before it."""
        return "".join(" " + word for word in self.random.choices(self.vocabulary.words, k=tokens))

    async def passage(self, tokens):
        return self.words(tokens)

    async def prompt(self, tokens):
        """A prompt of so many tokens in all, what the endpoint adds included."""
        own = tokens - self.vocabulary.overhead
        if own < 1:
            raise ValueError(f"{tokens} tokens asked, but the endpoint adds {self.vocabulary.overhead} by itself")
        head = min(own - 1, 7)
        return self.lead() + self.words(head) + await self.passage(own - 1 - head)


class FileText(WordText):
    """Passages of a text file behind the random lead of WordText. Every passage is counted by the server, behind
    another lead, so that counting leaves no prefix in its cache that a prompt could find."""

    def __init__(self, vocabulary, seed, text, count):
        super().__init__(vocabulary, seed)
        self.source = text.split()
        self.count = count

    async def passage(self, tokens):
        start = self.random.randrange(len(self.source))
        taken = self.source[start:start + tokens] or self.source[:tokens]
        length = 0
        while taken:
            text = "".join(" " + word for word in taken)
            length = await self.count("the" + text) - await self.count("the")
            if length <= tokens:
                break
            taken = taken[:min(len(taken) - 1, int(len(taken) * tokens / length))]
        if not taken:
            return self.words(tokens)
        return "".join(" " + word for word in taken) + self.words(tokens - length)


def usage_counter(client, chat):
    """A count function that asks for one token and reads the prompt's tokens from the usage."""
    from .client import Ask
    cache = {}

    async def count(text):
        if text not in cache:
            prompt = [{"role": "user", "content": text}] if chat else text
            record = await client.ask(Ask(prompt, 1, stream=False))
            if not record.ok or not record.prompt_tokens:
                raise RuntimeError(f"the server gives no usage: {record.error}")
            cache[text] = record.prompt_tokens
        return cache[text]

    return count
