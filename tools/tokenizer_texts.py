"""Texts that tokenizers are compared on: hand-picked trouble, and seeded random mixtures of it."""

import random

HAND = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\t\n", " \n", "\n ", "\n  x", "x \n",
    "a", "Hello", " Hello", "Hello world", " Hello world", "Hello,  world! ", "Hello  \t world\n\n\n done  ",
    "The quick brown fox jumps over the lazy dog.", "I'm you're he'd we've it's they'll don't",
    "I'M YOU'RE HE'D WE'VE IT'S THEY'LL DON'T", "i'Ll o'Re 's 'S 'st ''s 'ſ 'ſ'", "x'y 'tis rock'n'roll",
    "'the' 'real' 'very' 'mad' 'dog' 'llama'", "CamelCaseWords HTTPServer iPhone XMLHttpRequest McDonald'S ABCdef",
    "0", "12", "123", "1234", "12345678901234567890", "3.14159 1,234,567 1e-9 0x1F v2.0.1", "1 22 333 4444 55555",
    "x1y22z333", "²³¹ ½ ¼ ¾ Ⅷ ⅷ ① ㊿ ١٢٣٤ १२३ 一二三 〇", "м мир ½6789 x²y", "$100 €50 £20 ¥3000 50% #1 @user &amp; a_b",
    "def f(x: int) -> str:\n    if x > 0:\n\treturn f\"{x!r}\"  # note\n    else:\n        pass\n",
    "for (int i = 0; i < n; ++i) {\n  a[i] += b[i] * c->d;\n}\n\n\n", "#include <vector>\r\n\r\nint main() {}\r\n",
    "SELECT * FROM t WHERE a >= 1 AND b != 'x';", "<div class=\"a\">text</div><br/>", "http://example.com/a/b?c=d&e=f#g",
    "!!!???...---===+++***///\\\\\\|||~~~```^^^", "(a)[b]{c}<d>\"e\"'f'`g`", "… “quotes” ‘single’ — dash – en • bullet",
    "中文分词测试：你好，世界！今天天气不错。", "人工智能（AI）正在改变世界，2024年有100万用户。", "　全角　空格　", "「日本語」テスト、カタカナとひらがな。",
    "吾輩は猫である。名前はまだ無い。", "한국어 형태소 분석 테스트입니다.", "مرحبا بالعالم، كيف حالك؟", "שלום עולם", "नमस्ते दुनिया, आप कैसे हैं?",
    "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง", "Привет, мир! Как дела?", "Γειά σου Κόσμε", "Xin chào thế giới", "Zażółć gęślą jaźń",
    "ሰላም ልዑል", "தமிழ் மொழி", "ქართული ენა", "հայերեն", "မြန်မာဘာသာ", "ខ្មែរ", "བོད་སྐད", "İstanbul ıI ßSS ﬁ ﬀ ﬆ Ĳ ǅ ʰ ª º",
    "😀", "😀😃😄", "👨‍👩‍👧‍👦 family", "🏳️‍🌈 🇨🇳🇺🇸 👍🏽", "a😀b 😀 c", "☃️ ❤️ ✓ ★ ♫", "𝒜𝓁𝑔𝑒𝒷𝓇𝒶 𠀀𠀁 𐍈",
    "e\u0301 é a\u0308\u0323 a\u0323\u0308 \u0301x", "Å Å A\u030a \u212b", "각 \u1100\u1161\u11a8", "ﷺ ㌔ ｱｲｳ ＡＢＣ１２３", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘",
    "a\u00a0b\u2003c\u3000d\u200be\ufefff\u180eg\u2028h\u2029i\u0085j\u001ck\u000bl\u000cm", "\u0000", "a\u0000b", "\u0001\u0002\u007f",
    "\ufffd", "\U0010ffff \ue000 \u0378", "a" * 100, " " * 100, "\n" * 50, "ab" * 60, "\t" * 33, "=" * 80, "-" * 77 + "\n", "哈" * 50,
    "▁", "▁▁", "a▁b ▁ c", "Ġ", "ĠHello Ċ", "<0x0A>", "<0xFF><0x00>", "<", "<|", "<|im", "<s", "</", "<unk", "<|im_start|", "|>",
    "trailing space ", "trailing newline\n", "  leading", "\n\n  def", "x\n\n\n\n  y", "a  b   c    d     e", "tab\tsep\tvalues\t\t\tend",
    "It is 5 o'clock; we're 50% done. \"Yes,\" she said — 'maybe'.", "naïve café résumé", "ＨＥＬＬＯ", "rock & roll R&B AT&T",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "supercalifragilisticexpialidocious antidisestablishmentarianism",
]

PIECES = [" ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "a", "B", "the", " the", "The", "ing", "'s", "'S", "'", "\"", ".", ",", "...", "!",
          "?", "(", ")", "/", "//", "\\", "0", "7", "42", "2024", "½", "²", "٣", "Ⅳ", "é", "e\u0301", "ü", "ß", "ñ", "Ж", "привет", "λ", "中",
          "文字", "。", "，", "日本", "カ", "ひ", "한", "국어", "ا", "عرب", "ह", "हि", "ไ", "ไทย", "😀", "👍🏽", "\u200d", "\ufe0f", "\u0301", "\u0323",
          "\u00a0", "\u3000", "\u2003", "\u200b", "_", "-", "--", "=", "==", "+", "*", "#", "@", "$", "%", "^", "&", "|", "~", "`", "<", ">",
          "[", "]", "{", "}", ":", ";", "def ", "return", "int main", "x1", "ABC", "iPhone", "▁", "\u0000", "\u007f", "\ufffd"]

BLOCKS = [(0x20, 0x7e), (0xa0, 0x17f), (0x180, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x4ff), (0x590, 0x5ff), (0x600, 0x6ff),
          (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x206f), (0x2070, 0x218f), (0x2190, 0x23ff),
          (0x2460, 0x24ff), (0x2600, 0x27bf), (0x3000, 0x30ff), (0x3200, 0x33ff), (0x4e00, 0x9fa5), (0xac00, 0xd7a3), (0xf900, 0xfaff),
          (0xfb00, 0xfb4f), (0xfe00, 0xffee), (0x10000, 0x100ff), (0x1d400, 0x1d7ff), (0x1f300, 0x1faff), (0x20000, 0x2a6df)]


def mixtures(count, seed, specials=()):
    """Random texts: joined pieces, characters of one or of all blocks, specials strewn in."""
    rng = random.Random(seed)
    for index in range(count):
        length = rng.randint(1, 30)
        kind = index % 4
        if kind == 0:
            parts = [rng.choice(PIECES) for _ in range(length)]
        elif kind == 1:
            low, high = rng.choice(BLOCKS)
            parts = [chr(rng.randint(low, high)) if rng.random() < 0.8 else rng.choice(PIECES) for _ in range(length)]
        elif kind == 2:
            parts = [chr(rng.randint(*rng.choice(BLOCKS))) for _ in range(length)]
        else:
            parts = [rng.choice(PIECES) * rng.choice([1, 1, 2, 3, 7, 20]) for _ in range(length)]
        if specials and rng.random() < 0.4:
            for _ in range(rng.randint(1, 4)):
                parts.insert(rng.randint(0, len(parts)), rng.choice(specials))
        yield "".join(parts)
