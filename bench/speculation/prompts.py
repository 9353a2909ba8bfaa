"""Prompts that quote much (edit, extract) and little (chat, write)."""

CODE = '''\
class Inventory:
    """Items of a small shop, with their prices and the number in stock."""

    def __init__(self):
        self.items = {}

    def add_item(self, name, price, count):
        if name in self.items:
            old_price, old_count = self.items[name]
            self.items[name] = (price, old_count + count)
        else:
            self.items[name] = (price, count)

    def remove_item(self, name, count):
        if name not in self.items:
            raise KeyError(f"no item named {name}")
        price, old_count = self.items[name]
        if old_count < count:
            raise ValueError(f"only {old_count} of {name} left")
        self.items[name] = (price, old_count - count)

    def total_value(self):
        total = 0
        for price, count in self.items.values():
            total += price * count
        return total

    def most_expensive(self):
        best = None
        for name, (price, count) in self.items.items():
            if best is None or price > self.items[best][0]:
                best = name
        return best

    def report(self):
        lines = []
        for name, (price, count) in sorted(self.items.items()):
            lines.append(f"{name}: {count} at {price:.2f}")
        return "\\n".join(lines)
'''

TEXT = '''\
The Danube rises in the Black Forest of Germany and flows south-east for about 2,850 kilometres before it empties
into the Black Sea. It passes through or touches the border of ten countries: Germany, Austria, Slovakia, Hungary,
Croatia, Serbia, Romania, Bulgaria, Moldova and Ukraine. Four national capitals lie on its banks: Vienna,
Bratislava, Budapest and Belgrade. Its drainage basin extends into nine more countries. The river has been an
important waterway since Roman times, when it was a frontier of the empire. Today it carries ships over a length of
2,415 kilometres, and the Rhine-Main-Danube canal links it with the North Sea. Its delta, shared by Romania and
Ukraine, is the second largest of Europe and a World Heritage Site with more than 300 species of birds.
'''

PROMPTS = {
    'edit': f'Rename the method `remove_item` to `take` and its parameter `count` to `amount` in this class. '
            f'Reply with the whole class only.\n\n```python\n{CODE}```',
    'extract': f'Copy out, word for word, every sentence of this text that contains a number.\n\n{TEXT}',
    'write': 'Write a Python function that parses a CSV line with quoted fields, with a short docstring, '
             'and three tests for it.',
    'chat': 'What should I think about before I move from a city to the countryside? Answer in a few paragraphs.',
}
