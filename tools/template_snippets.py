"""Small templates, each about one thing, for template_golden.py. They share VARIABLES."""

VARIABLES = {
    "name": "Ada",
    "text": "Hello, World",
    "padded": "  pad me \n",
    "chinese": "你好，世界",
    "mixed": "naïve Straße ΑΣ ǆ ﬁ İ",
    "emoji": "👍🏽 ok",
    "html": "<a href=\"x\">'&'</a>",
    "lines": "one\ntwo\r\n\nthree\n",
    "empty": "",
    "zero": 0,
    "one": 1,
    "seven": 7,
    "minus": -7,
    "big": 9007199254740993,
    "pi": 3.14159,
    "half": 0.5,
    "tiny": 1e-7,
    "huge": 1e22,
    "yes": True,
    "no": False,
    "nothing": None,
    "list": [3, 1, 2],
    "words": ["banana", "Apple", "cherry", "apple"],
    "nested": [[1, 2], [3, [4, 5]], []],
    "dict": {"b": 1, "a": {"x": [1, None, True]}, "items": "shadow", "": "empty"},
    "people": [
        {"name": "Ada", "age": 36, "tags": ["x"], "home": {"city": "London"}},
        {"name": "bob", "age": 25, "home": {"city": "Paris"}},
        {"name": "Cyd", "age": 36, "active": True, "home": {"city": "london"}},
    ],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": "Done"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
}

_EXPRESSIONS = r"""
name
text[0]
text[-1]
text[1:4]
text[::-1]
text[:-3]
text[10:2:-2]
chinese[1:3]
chinese|length
emoji|length
emoji[0]
chinese[::-1]
text[99]
text[99] is undefined
list[1]
list[-1]
list[9]
list[9] is defined
list[::2]
list[::-1]
list[1:]
list[:1] + list[2:]
list[5:1]
list['x']
list.0
nested[1][1][0]
nested.1.1.1
dict.b
dict['b']
dict.a.x
dict['a']['x'][2]
dict.missing
dict.missing.deeper
dict['missing']
dict.items
dict['items']
dict['']
dict.a['x'][-1]
missing
missing.attribute
missing['item']
missing()
missing + 1
missing ~ 'x'
missing == missing2
missing == none
missing|default('d')
missing.foo|default('d')
dict.missing|default('d')
empty|default('d')
empty|default('d', true)
empty|d('d', boolean=true)
nothing|default('d')
not missing
missing|length
missing|list
missing|upper
1 + 2 * 3
(1 + 2) * 3
7 / 2
7 // 2
-7 // 2
7 % 3
-7 % 3
7 % -3
7.5 % 2
-7.5 // 2
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
2 ** 0.5
1 / 3
1 / 0
1 // 0
1 % 0
1.5 / 0
1e3
1_000
0x1F
0b101
0o17
1.5e-3
1.0
100000000000000000000.0
1e16
1e15
123456789.123456789
0.1 + 0.2
tiny
huge
pi
half * 2
big + 1
true + 1
true
false
none
True
None
-true
+5
- 5
--5
not true
not not 3
not none and 1
1 and 0
0 or 'x'
'' or none or 'last'
1 and 2 and 3
1 < 2
1 < 2 < 3
1 < 3 < 2
1 == 1.0
'a' < 'b'
'a' < 1
[1, 2] < [1, 3]
(1, 2) == (1, 2)
[1] == (1,)
{'a': 1} == {'a': 1.0}
1 != 2 != 1
true == 1
none == false
'a' in 'abc'
'z' not in 'abc'
1 in list
9 not in list
'b' in dict
'zz' in dict
1 in dict
none in list
1 in 5
1 in 'abc'
'' in 'abc'
missing in list
'x' in missing
not 1 in list
(not 1) in list
'a' ~ 1 ~ none ~ true ~ 1.5
1 ~ 2 + 3
'a' + 'b' ~ 'c'
'a' * 3
3 * 'ab'
'a' * -1
[1, 2] * 2
(1,) * 2
[1] + [2]
(1,) + (2,)
[1] + (2,)
'a' + 1
1 + 'a'
none + 1
[1, 'a', none, true, 1.0]
(1,)
()
(1, 2)
1, 2
[]
{}
{'a': 1, 'b': [1, 2], 3: none}
{'a': 1, 'a': 2}
{1: 'x', true: 'y'}
{'k' ~ 1: 'v'}
{[1]: 2}
{(1, 2): 3}[1, 2]
[1, 2,]
{'a': 1,}
'it\'s'
"say \"hi\""
['it\'s', "say \"hi\"", 'both \' and "', 'tab\t', 'nl\n', 'back\\slash', '\x00', '\x7f', 'é', '中', '\u200b', '👍']
'\x41\u4e2d\U0001F44D\101\n|\q'
'con' 'cat' "enation"
'a' 'b'|upper
1 if true else 2
1 if false else 2
1 if false
(1 if false) is undefined
'a' if 0 else 'b' if 0 else 'c'
1 if true else 2 if true else 3
name|upper
name|lower|capitalize
(name|upper)[0]
name|upper ~ 'x'
-1|abs
(-1)|abs
minus|abs
-5.5|abs
'x'|abs
name.upper()
name.lower().upper()
text.split(', ')
text.split()
text.split('o', 1)
text.split('')
text.rsplit('o', 1)
' a  b c '.split()
' a  b c '.split(none, 1)
' a  b c '.rsplit(none, 1)
'a,b,,c'.split(',')
'a,b,,c'.split(',', maxsplit=1)
''.split()
''.split(',')
lines.splitlines()
lines.splitlines(true)
padded.strip()
padded.lstrip()
padded.rstrip()
padded|trim
'xxaxx'.strip('x')
'xyaxy'.lstrip('yx')
'xyaxy'.rstrip('yx')
'xxaxx'|trim('x')
chinese.strip('你界')
text.startswith('Hell')
text.startswith(('x', 'H'))
text.startswith('ello', 1)
text.endswith('ld')
text.endswith(('x', 'd'))
text.startswith(1)
text.startswith(missing)
text.find('o')
text.find('zz')
text.rfind('o')
text.find('o', 5)
text.find('o', 5, 6)
chinese.find('世')
text.index('W')
text.index('zz')
text.count('l')
text.count('')
text.replace('l', 'L')
text.replace('l', 'L', 1)
text.replace('', '-')
text.replace('', '-', 3)
text.title()
"they're bill's".title()
'hELLO wORLD'.capitalize()
'Hello'.swapcase()
mixed.upper()
mixed.lower()
mixed.title()
mixed.capitalize()
mixed|upper
mixed|lower
mixed|title
'ﬁne'.capitalize()
'ΑΣ Σ ΑΣΑ'.lower()
'42'.isdigit()
'²'.isdigit()
'²'.isdecimal()
'½'.isnumeric()
'四'.isnumeric()
'४२'.isdigit()
''.isdigit()
'abc'.isalpha()
'中文'.isalpha()
'a1'.isalnum()
'a b'.isalnum()
' \t'.isspace()
''.isspace()
'abc'.islower()
'aBc'.islower()
'ABC1'.isupper()
'Title Case'.istitle()
'not Title'.istitle()
'abc'.isascii()
chinese.isascii()
'x1'.isidentifier()
'1x'.isidentifier()
'abc\n'.isprintable()
'7'.zfill(3)
'-7'.zfill(4)
'ab'.ljust(5) ~ '|'
'ab'.rjust(5, '*')
'ab'.center(5, '*')
'abc'.center(6, '*')
'ab'.center(1)
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'abc'.partition('-')
'abc'.rpartition('-')
'prefix-x'.removeprefix('prefix-')
'x.py'.removesuffix('.py')
'x'.removesuffix('')
', '.join(words)
', '.join([1, 2])
'-'.join('abc')
'-'.join({'a': 1, 'b': 2})
'a\tb'.expandtabs(4)
'{} and {}'.format(1, 'two')
'{1} {0} {1}'.format('a', 'b')
'{x}-{y!r}'.format(x=1, y='s')
'{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd')
'{:.2f} {:5d} {:05d} {:+d} {:,} {:x} {:#x} {:e} {:%}'.format(3.14159, 42, 42, 42, 1234567, 255, 255, 12345.678, 0.25)
'{0[name]} {0.name}'.format(people[0])
'{{}} {}'.format(1)
'{} {}'.format(1)
'{:.3}'.format('abcdef')
'{:d}'.format('x')
'{!s:>4}'.format(1)
'%s is %d years and %.1f%%' % ('Ada', 36, 99.5)
'%s' % name
'%s' % none
'%(a)s-%(b)03d' % {'a': 1, 'b': 2}
'%5s|%-5s|%05d|%+d|% d|%x|%X|%o|%#x|%e|%g|%c|%r' % ('a', 'b', 42, 42, 42, 255, 255, 8, 255, 12345.678, 0.0001, 'z', 'q')
'%d' % 3.9
'%d' % 'x'
'%s %s' % ('a',)
'%s' % ('a', 'b')
'no args' % ()
'%s' % [1, 2]
'%i%%' % 5
'%*d' % (5, 42)
'%.3s' % 'abcdef'
'%q' % 1
'%s, %s'|format('a', 'b')
'%(x)s'|format(x=1)
dict.keys()
dict.values()
dict.items()
dict.get('b')
dict.get('zz')
dict.get('zz', 'd')
dict.get(none)
dict.get([1])
dict.keys()|list
dict.items()|list
dict|list
dict|length
dict.items()|length
(dict.keys()|list)[0]
dict.keys()[0]
dict.copy() == dict
dict.update({'z': 1})
dict.pop('b')
dict.setdefault('q', 1)
list.append(4)
list.pop()
list.append
list.append is defined
list.index(1)
list.index(9)
list.count(1)
list.sort()
(1, 2, 1).count(1)
(1, 2).index(2)
name.nope
name.nope()
name.upper
name.upper is callable
name.__class__
dict.__class__.__mro__
1.5.is_integer()
(2.0).is_integer()
range(5)
range(5)|list
range(2, 10, 3)|list
range(5, 0, -2)|list
range(0)|list
range(3)[1]
range(10)[2:5]
range(10)[::-3]|list
range(3)|length
range(1, 1000000)|length
range(1, 3, 0)
range('a')
range(3) == range(0, 3)
2 in range(5)
words|sort
words|sort(case_sensitive=true)
words|sort(reverse=true)
list|sort
list|sort(reverse=true)
[1, 'a']|sort
people|sort(attribute='age')|map(attribute='name')|list
people|sort(attribute='age,name', reverse=true)|map(attribute='name')|list
people|sort(attribute='home.city')|map(attribute='name')|join(' ')
people|map(attribute='home.city')|list
people|map(attribute='tags', default='none')|list
people|map(attribute='nope')|list
people|map(attribute='tags.0', default='-')|list
words|map('upper')|list
words|map('replace', 'a', 'A')|join(',')
words|map('length')|sum
words|map('nofilter')|list
words|map()|list
words|map('upper') is iterable
(words|map('upper')) is sequence
words|map('upper')|length
words|map('upper')|first
words|map('upper')|last
people|selectattr('active')|map(attribute='name')|list
people|selectattr('age', 'equalto', 36)|map(attribute='name')|list
people|selectattr('age', 'gt', 30)|list|length
people|rejectattr('active')|map(attribute='name')|list
people|rejectattr('active', 'defined')|map(attribute='name')|list
people|selectattr('home.city', 'eq', 'Paris')|first
people|selectattr('tags', 'defined')|list|count
messages|selectattr('role', 'in', ['user', 'tool'])|map(attribute='content')|list
messages|selectattr('role', 'equalto', 'nobody')|first is defined
[1, 2, 3, 4]|select('odd')|list
[1, 2, 3, 4]|reject('odd')|list
[1, 2, 3, 4]|select('divisibleby', 2)|list
[0, 1, '', 'a', none]|select|list
[0, 1, '', 'a', none]|reject|list
[1, none, 2]|select('none')|list
[1, 2]|select('notest')|list
none|select|list
none|map('upper')|list
5|map('upper')|list
list|first
list|last
[]|first
[]|first is undefined
[]|last
text|first
text|last
dict|first
list|min
list|max
words|min
words|max
words|max(case_sensitive=true)
[]|min
people|max(attribute='age')
people|min(attribute='age').name
(people|min(attribute='age')).name
list|sum
[]|sum
[1.5, 2]|sum
people|sum(attribute='age')
[[1], [2]]|sum(start=[])
['a']|sum
list|join
list|join(', ')
words|join('-')
people|join(', ', attribute='name')
text|join('.')
none|join
[none, 1, true]|join(',')
list|reverse|list
text|reverse
list|reverse
dict|reverse|list
none|reverse
list|length
none|length
5|length
list|unique|list
words|unique|list
words|unique(case_sensitive=true)|list
people|unique(attribute='age')|map(attribute='name')|list
[1, 1.0, true, '1']|unique|list
words|batch(3)|list
words|batch(3, 'fill')|list
words|batch(3)|map('join', '+')|list
[1, 2, 3, 4, 5, 6, 7]|slice(3)|list
[1, 2, 3, 4, 5, 6, 7]|slice(3, 'x')|list
people|groupby('age')|list
people|groupby('home.city')|map(attribute='grouper')|list
people|groupby('home.city', case_sensitive=true)|map(attribute='grouper')|list
people|groupby('active', default=false)|map('first')|list
(people|groupby('age'))[0].list|length
dict|dictsort
{'b': 1, 'A': 2, 'c': 0}|dictsort
{'b': 1, 'A': 2, 'c': 0}|dictsort(true)
{'b': 1, 'A': 2, 'c': 0}|dictsort(false, 'value')
{'b': 1, 'A': 2, 'c': 0}|dictsort(reverse=true)
{'b': 1}|dictsort(by='nope')
dict|items|list
missing|items|list
list|items|list
'42'|int
'4.7'|int
'x'|int
'x'|int(-1)
'x'|int(default=5)
'1f'|int(0, 16)
'0x1f'|int(0, 16)
' 12 '|int
4.9|int
-4.9|int
none|int
none|int(default=3)
true|int
missing|int
'1_000'|int
'3.5'|float
'x'|float
'x'|float(1.5)
'inf'|float
'nan'|float
' 1e3 '|float
7|float
none|float
42|round
42.5|round
43.5|round
42.55|round(1)
42.456|round(2)
42.4|round(0, 'ceil')
42.6|round(method='floor')
-42.5|round
1234|round(-2)
1.005|round(2)
2.675|round(2, 'common')
'x'|round
3.7|round|int
42|string
none|string
[1, 'a']|string
1.0|string ~ 'x'
text|title
'foo-bar (baz) [qux] {a} <b>'|title
'hello  WORLD'|title
text|capitalize
text|wordcount
chinese|wordcount
'a b-c d_e'|wordcount
text|replace('o', '0')
text|replace('o', '0', 1)
123|replace(2, 'x')
text|center(20) ~ '|'
text|truncate(5)
text|truncate(5, true)
text|truncate(5, leeway=0)
'a much longer text to cut'|truncate(12)
'a much longer text to cut'|truncate(12, true, '…')
'a much longer text to cut'|truncate(12, false, '', 0)
lines|indent
lines|indent(2)
lines|indent(2, true)
lines|indent(2, true, true)
lines|indent('> ', first=true)
lines|indent(width=1, blank=true)
5|indent
html|e
html|escape
html|safe
html|e|e
html|forceescape
html|e|forceescape
(html|e) + '<'
'<' + (html|safe)
(html|e) is escaped
html is escaped
[html|e]
'<p>x  y <b>z</b></p> &amp; <!-- c -->'|striptags
'a b&c/d?é=中'|urlencode
{'a b': 'c&d', 'e': 1}|urlencode
[('a', 1), ('b', 2)]|urlencode
5|urlencode
{'class': 'a b', 'id': none, 'x': '<'}|xmlattr
1000000|filesizeformat
1536|filesizeformat(true)
1|filesizeformat
999|filesizeformat
name|attr('upper')
(name|attr('upper'))()
dict|attr('b')
dict|attr('b') is defined
dict|tojson
people|tojson
chinese|tojson
html|tojson
emoji|tojson
emoji|tojson(ensure_ascii=true)
chinese|tojson(true)
'\x00\x1f"\\/\b\f\n\r\t\x7f'|tojson
[1, 1.0, 1e22, 0.1, true, false, none]|tojson
{'a': [], 'b': {}, 'c': [1, {'d': 2}]}|tojson(indent=2)
{'a': [], 'b': {}, 'c': [1, {'d': 2}]}|tojson(indent='\t')
[1, 2]|tojson(indent=0)
[1, 2]|tojson(indent=-1)
[1, {'a': 2}]|tojson(separators=(',', ':'))
[1, {'a': 2}]|tojson(indent=1, separators=(', ', ' : '))
{'b': 1, 'a': 2}|tojson(sort_keys=true)
{1: 'a', none: 'b', true: 'c', 1.5: 'd'}|tojson
{(1, 2): 3}|tojson
(1, 2)|tojson
missing|tojson
range(3)|tojson
range(3)|list|tojson
dict.items()|tojson
tools|tojson(indent=4)
'nan'|float|tojson
name|tojson|tojson
3 is odd
3 is even
4 is even
4 is divisibleby 2
4 is divisibleby(3)
4.0 is even
'x' is odd
name is defined
missing is defined
missing is undefined
missing.x is defined
dict.zz is defined
nothing is none
nothing is not none
missing is none
yes is true
no is false
1 is true
yes is boolean
1 is boolean
1 is integer
true is integer
1.0 is integer
1.0 is float
1 is float
1 is number
true is number
'1' is number
'a' is string
1 is string
dict is mapping
list is mapping
list is sequence
name is sequence
dict is sequence
5 is sequence
missing is sequence
list is iterable
name is iterable
5 is iterable
none is iterable
missing is iterable
range is callable
name is callable
'abc' is lower
'aBc' is lower
'ABC' is upper
1 is lower
1 is eq 1
1 is equalto 1
1 is == 1
1 is ne 2
3 is gt 2
3 is greaterthan 2
3 is ge 3
3 is lt 4
3 is lessthan 4
3 is le 3
1 is in [1, 2]
1 is not in [1, 2]
'a' is in 'abc'
none is sameas none
true is sameas true
1 is sameas 1
1 is sameas true
list is sameas list
'upper' is filter
'nope' is filter
'odd' is test
'nope' is test
1 is nope
3 is odd and 4 is even
3 is odd or missing
not 3 is odd
(3 is odd) is true
name is string and name|length > 2
-1 is odd
1 + 1 is odd
'x' if missing is defined else 'y'
missing is defined and missing.x
1 in [1] is true
dict(a=1, b=2)
dict([('a', 1), ('b', 2)])
dict({'a': 1}, b=3)
namespace(a=1)
namespace(a=1).a
namespace(a=1)['a']
namespace(a=1).b
namespace({'x': 2}).x
namespace(_x=1)
strftime_now('%Y-%m-%d %H:%M:%S')
strftime_now('%d %b %Y, %A %j %p %%')
strftime_now('')
strftime_now(1)
raise_exception('stop here')
raise_exception('code ' ~ 42)
'safe' if true else raise_exception('no')
name|nofilter
5()
name()
[1, 2][0]
(1, 2)[1]
{'a': 1}.a
{'a': 1}['a']
'abc'[1]
'abc'.1
(text|upper).lower()
text|upper|lower == text|lower
text.split(',')[0]|upper
text.split(',')|last|trim
words[1:]|join(' ')
words|join(', ')|upper
(words|length) - 1
words|length - 1
words[words|length - 1]
range(words|length)|list
messages[-1].role
messages[-1]['content'] is string
messages[2].content is none
messages[2].tool_calls[0].function.arguments|tojson
messages[0]['role'] == 'system' and messages[0].content
messages[1:][0].content
messages|map(attribute='role')|unique|join(',')
(messages|last).role
messages|selectattr('role', 'eq', 'user')|list|last
tools is defined and tools is not none and tools|length > 0
tools[0].function|tojson
{'a': 1}.items()|list
[x for x in list]
lambda x: x
a = 1
1 +
(1
'unterminated
a b
a..b
a.
1.
.5
a[
a[]
a[1:2:3:4]
{1}
{'a'}
$x
a ? b : c
a && b
a === b
not
* 2
a if
x is
x|
f(a=1, 2)
f(**a, b)
f(a=1, a=2)
range(*[1, 4])|list
dict(**{'x': 1})
'{}{}'.format(*['a', 'b'])
9223372036854775807
-9223372036854775807
1.7976931348623157e308
5e-324
123456789012345680.0
1e-5
0.0001
-0.0
"""

_STATEMENTS = [
    "{% if yes %}a{% elif no %}b{% else %}c{% endif %}",
    "{% if no %}a{% elif yes %}b{% else %}c{% endif %}",
    "{% if no %}a{% elif no %}b{% else %}c{% endif %}",
    "{% if missing %}a{% endif %}b",
    "{% if list and not empty %}ok{% endif %}",
    "{%if yes%}x{%endif%}",
    "{% for i in list %}{{ i }},{% endfor %}",
    "{% for i in [] %}{{ i }}{% else %}none{% endfor %}",
    "{% for i in missing %}{{ i }}{% else %}none{% endfor %}",
    "{% for i in nothing %}{{ i }}{% endfor %}",
    "{% for c in name %}{{ c }}-{% endfor %}",
    "{% for k in dict %}[{{ k }}]{% endfor %}",
    "{% for k, v in dict.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in dict|items %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in dict|dictsort %}{{ k }};{% endfor %}",
    "{% for (a, b) in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for a, b in [1] %}{{ a }}{% endfor %}",
    "{% for i in 1, 2, 3 %}{{ i }}{% endfor %}",
    "{% for i in list if i > 1 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}",
    "{% for i in list if i > 9 %}x{% else %}empty{% endfor %}",
    "{% for p in people if p.age == 36 %}{{ p.name }}{{ '' if loop.last else ', ' }}{% endfor %}",
    "{% for i in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}"
    "{{ loop.first }}{{ loop.last }}{{ loop.length }}|{% endfor %}",
    "{% for i in list %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}",
    "{% for i in list %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for i in list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in [1, 1, 2, 2, 1] %}{{ loop.changed(i) }} {% endfor %}",
    "{% for i in list %}{{ loop.depth }}{% for j in list %}{{ loop.depth }}{{ loop.index }}{% endfor %}{% endfor %}",
    "{% for i in list %}{% set outer = loop %}{% for j in [1, 2] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for i in nested recursive %}{% if i is iterable %}[{{ loop(i) }}]{% else %}{{ i }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for i in list %}{{ loop(i) }}{% endfor %}",
    "{% for i in range(10) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(6) %}{% if i is odd %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{% break %}",
    "{% for i in list %}{% endfor %}{{ i }}",
    "{{ loop }}",
    "{% for i in list %}{{ loop.nope }}{% endfor %}",
    "{% set x = 1 %}{{ x }}",
    "{% set x, y = 1, 2 %}{{ x }}{{ y }}",
    "{% set x, y = [1, 2, 3] %}{{ x }}",
    "{% set x = 1, 2 %}{{ x }}",
    "{% set x = 1 if no else 2 %}{{ x }}",
    "{% set x = 1 %}{% for i in list %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% if no %}{% set name = 'x' %}{% endif %}{{ name }}",
    "{% if yes %}{% set fresh = 'x' %}{% endif %}{{ fresh }}",
    "{% for i in list %}{% set fresh = i %}{% endfor %}{{ fresh }}",
    "{% for i in list %}{{ prev }}{% set prev = i %}{% endfor %}",
    "{% set ns = namespace(n=0, s='') %}{% for i in list %}{% set ns.n = ns.n + i %}{% set ns.s = ns.s ~ i %}{% endfor %}{{ ns.n }}{{ ns.s }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns }}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}",
    "{% set dict.x = 1 %}",
    "{% set missing.x = 1 %}",
    "{% set x.y, z = 1, 2 %}",
    "{% set ns = namespace(a=1) %}{% set ns.a, z = 5, 6 %}{{ ns.a }}{{ z }}",
    "{% set dict['x'] = 1 %}",
    "{% set true = 1 %}",
    "{% set x %}a{{ name }}b{% endset %}{{ x }}|{{ x|length }}",
    "{% set x | upper %}a{{ name }}b{% endset %}{{ x }}",
    "{% set x | upper | replace('A', '-') %}a{{ name }}b{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}|{{ m(1)|length }}",
    "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(none) }}",
    "{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m() %}{{ name }}{% endmacro %}{{ m() }}",
    "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 'ok' %}{{ m() }}",
    "{% macro m() %}{% set x = 1 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{{ caller(n) }}{{ caller(n + 1) }}{% endmacro %}{% call(x) f(1) %}<{{ x }}>{% endcall %}",
    "{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}{{ name }}{% endcall %}",
    "{% macro f() %}[{{ caller() }}]{% endmacro %}{{ f() }}",
    "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}",
    "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}{% call f() %}{% endcall %}",
    "{% call nothing %}{% endcall %}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m }}",
    "{% macro m(x) %} {{- x -}} {% endmacro %}[{{ m('a') }}]",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}",
    "{% for i in list %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
    "{{ m() }}{% macro m() %}x{% endmacro %}",
    "{% macro m(items) %}{% for i in items %}{{ loop.index }}{% endfor %}{% endmacro %}{% for x in list %}{{ m([1, 2]) }}{{ loop.index }} {% endfor %}",
    "{% filter upper %}a{{ name }}b{% endfilter %}",
    "{% filter replace('a', 'o')|upper %}banana{% endfilter %}",
    "{% generation %}x{{ name }}{% endgeneration %}y",
    "{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x }}",
    "{%- generation -%} x {%- endgeneration -%} y",
    "{% for i in list %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% raw %}{{ not rendered }}{% if %}{% endraw %}",
    "a {% raw -%}  x  {%- endraw %} b",
    "{% raw %}\n x\n{% endraw %}\ny",
    "{# comment #}x{# {{ y }} #}",
    "a {#- c -#} b",
    "a\n  {# c #}\nb",
    "{# multi\nline #}x",
    "{% print name %}",
    "{% print 1, 2 %}",
    "{% do list.append(1) %}",
    "{% nope %}",
    "{% if yes %}",
    "{% if yes %}{% endfor %}",
    "{% endif %}",
    "{% for %}{% endfor %}",
    "{% for i list %}{% endfor %}",
    "{% set %}",
    "{% block b %}{% endblock %}{% block b %}{% endblock %}",
    "{{ }}",
    "{% %}",
    "{{ name",
    "{% if name",
    "{# never closed",
    "{% raw %}never closed",
    "{{ name }",
    "{{ name }}}",
    "{ { name } }",
    "}} %} #}",
    "{{ '}}' }}{{ \"%}\" }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}",
    "{{ {'a': 1}}}",
    "{{ (1, }}",
    "{{ [1) }}",
    "{{ 1) }}",
    # white space
    "a\n{% if yes %}\nb\n{% endif %}\nc",
    "a\n  {% if yes %}\n  b\n  {% endif %}\nc",
    "a {% if yes %} b {% endif %} c",
    "a  {%- if yes %}  b  {%- endif %}  c",
    "a  {% if yes -%}  b  {% endif -%}  c",
    "a\n\n{%- if yes -%}\n\nb\n\n{%- endif -%}\n\nc",
    "a\n  {%+ if yes %}\n  b\n  {%+ endif %}\nc",
    "a\n{% if yes +%}\nb{% endif +%}\nc",
    "  {% if yes %}x{% endif %}",
    "\t {% if yes %}x{% endif %}\n",
    "x  {% if yes %}y{% endif %}",
    "  {{ name }}  ",
    "  {{- name -}}  ",
    "a\n{{ name }}\nb",
    "a\n  {{- name }}\n  b",
    "a\n{{ name -}}\n  b",
    "{{ name +}}",
    "{{+ one }}",
    "{{-one}}",
    "{{- -1 }}",
    "x\n",
    "x\n\n",
    "\n",
    "",
    "\nx",
    "a\r\nb\rc\n",
    "{% if yes %}\r\nx\r\n{% endif %}\r\n",
    "{{ 'a\r\nb' }}",
    "{{ 'a\nb' }}",
    "{{\n name\n}}",
    "{%\nif yes\n%}x{%\nendif\n%}",
    "{% for i in list -%}\n  {{ i }}\n{%- endfor %}",
    "{% for i in list %}\n  {{ i }}\n{% endfor %}\n",
    "{% for i in list %}\n{{ i }}\n\n{% endfor %}",
    "{% set x = 1 %}\n{{ x }}",
    "{% set x = 1 -%}\n\n{{ x }}",
    "a\n   {#- c #}\n   b",
    "a\n   {# c -#}\n   b",
    "a\n   {#+ c #}\n   b",
    "a {# c #}\n b",
    "\u00a0{%- if yes %}x{% endif %}",
    "x\u3000{%- if yes -%}\u3000y{% endif %}",
    "   \n   {% if yes %}x{% endif %}",
    "{% if yes %}   {% if yes %}x{% endif %}{% endif %}",
    "{% if yes %}\n   {% if yes %}x{% endif %}{% endif %}",
    "{# c #}\n   {% if yes %}x{% endif %}",
    "{{ name }}\n   {% if yes %}x{% endif %}",
    "{{ name }}   {% if yes %}x{% endif %}",
    # things chat templates do
    "{{ '<|im_start|>' + messages[0].role + '\\n' + messages[0].content + '<|im_end|>' }}",
    "{% for message in messages %}{% if loop.first and message['role'] == 'system' %}S{% elif (message['role'] == 'user') != (loop.index0 % 2 == 1) %}{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set sys = messages[0]['content'] %}{% else %}{% set rest = messages %}{% endif %}{{ sys }}{{ rest|length }}",
    "{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{% if ns.last < 0 and m.role == 'user' %}{% set ns.last = index %}{% endif %}{% endfor %}{{ ns.last }}",
    "{% for m in messages if m.role != 'system' %}{{ m.role }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for m in messages %}{% if m.content is string %}s{% elif m.content is iterable %}i{% else %}n{% endif %}{% endfor %}",
    "{% for m in messages %}{{ m.content or '' }}{% endfor %}",
    "{% for m in messages %}{% if 'tool_calls' in m and m.tool_calls %}{% for c in m.tool_calls %}{{ {'name': c.function.name, 'arguments': c.function.arguments}|tojson }}{% endfor %}{% endif %}{% endfor %}",
    "{% set c = '<think>\\nabc</think>\\n\\nrest' %}{{ c.split('</think>')[-1].lstrip('\\n') }}|{{ c.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}",
    "{%- macro render(x, depth=0) -%}{%- if x is mapping -%}{% for k, v in x|dictsort %}{{ '  ' * depth }}{{ k }}:{{ render(v, depth + 1) }}{% endfor %}{%- elif x is string or x is number -%}{{ x }}{%- elif x is iterable -%}{% for v in x %}{{ render(v, depth) }},{% endfor %}{%- else -%}null{%- endif -%}{%- endmacro -%}{{ render(dict) }}",
    "{% set ns = namespace(done=false) %}{% for m in messages if not ns.done %}{{ m.role }};{% if m.role == 'user' %}{% set ns.done = true %}{% endif %}{% endfor %}",
    "{{ '%s-%s'|format(name, one) }}{{ \"\\n\" }}",
    "{% set sep = joiner(', ') %}{% for i in list %}{{ sep() }}{{ i }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}",
    "{% set x = messages|selectattr('role', 'equalto', 'user') %}{% for m in x %}{{ m.content }}{% endfor %}{% for m in x %}again{% endfor %}",
    "{% set x = list|map('string') %}{{ '1' in x }}{{ x|list }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% if missing is defined and missing.a.b %}x{% else %}y{% endif %}",
    "{% if not (yes and no) %}t{% endif %}",
    "{% if yes: %}x{% endif %}",
    "{% if yes %}{{ name|nofilter }}{% endif %}",
    "{% if no %}{{ name|nofilter }}{% endif %}ok",
    "{% set loop = 5 %}{{ loop }}",
    "{% for item in list %}{{ item }}{% set item = 9 %}{{ item }} {% endfor %}",
    "{% for x in list %}{{ x }}{% endfor %}{% for x in words %}{{ x }}{% endfor %}{{ x is defined }}",
]


def _expressions():
    return ["{{ " + line + " }}" for line in _EXPRESSIONS.strip("\n").split("\n")]


SNIPPETS = _expressions() + _STATEMENTS
