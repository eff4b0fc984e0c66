"""Reads valid binaries as far as is needed to change them, and makes commands of libraries.

    module = Binary(data)
    module.content(CODE)                     # a section's content, b"" without it
    data = as_command(data, rng)             # imports made its own, `_start` calls the exports

Core types only (no struct, array or recursive types): anything else raises Unreadable.
"""
from wasm_binary import (CODE, CUSTOM, END, EXPORTS, F32, F64, FUNCREF, EXTERNREF, FUNCTION,
                         FUNCTIONS, HEADER, I32, I64, IMPORTS, ORDER, TYPES, V128, body,
                         function_type, name, section, unsigned)


class Unreadable(Exception):
    """Not a module of the kind that is understood here."""


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        if self.at >= len(self.data):
            raise Unreadable("cut off")
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise Unreadable("a number without end")

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Unreadable("cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def name(self):
        return self.take(self.unsigned())

    def value_type(self):
        """The byte of a type; 0 for a reference to a type of the module."""
        kind = self.byte()
        if kind in (0x63, 0x64):
            self.unsigned()
            return 0
        return kind

    def at_end(self):
        return self.at == len(self.data)


class Binary:
    """A module as its sections, in the order of the file; custom ones are dropped."""

    def __init__(self, data):
        if not data.startswith(HEADER):
            raise Unreadable("no header")
        cursor = Cursor(data[len(HEADER):])
        self.sections = {}
        while not cursor.at_end():
            number = cursor.byte()
            content = cursor.take(cursor.unsigned())
            if number != CUSTOM:
                self.sections[number] = content

    def content(self, number):
        return self.sections.get(number, b"")

    def entries(self, number, read):
        """What `read` makes of each entry of a section."""
        if number not in self.sections:
            return []
        cursor = Cursor(self.sections[number])
        return [read(cursor) for _ in range(cursor.unsigned())]

    def put(self, number, count, content):
        self.sections[number] = unsigned(count) + content

    def prepend(self, number, count, content):
        self._extend(number, count, content, b"")

    def append(self, number, count, content):
        self._extend(number, count, b"", content)

    def _extend(self, number, count, before, after):
        cursor = Cursor(self.content(number) or b"\0")
        count += cursor.unsigned()
        self.put(number, count, before + cursor.data[cursor.at:] + after)

    def encode(self):
        known = [number for number in ORDER if number in self.sections]
        return HEADER + b"".join(section(number, self.sections[number]) for number in known)


def read_type(cursor):
    if cursor.byte() != 0x60:
        raise Unreadable("not a function's type")
    return [[cursor.value_type() for _ in range(cursor.unsigned())] for _ in range(2)]


def read_function_import(cursor):
    module, field, kind = cursor.name(), cursor.name(), cursor.byte()
    if kind != FUNCTION:
        raise Unreadable("an import that is no function")
    return module, field, cursor.unsigned()


def read_export(cursor):
    return cursor.name(), cursor.byte(), cursor.unsigned()


ZEROES = {I32: b"\x41\x00", I64: b"\x42\x00", F32: b"\x43" + bytes(4), F64: b"\x44" + bytes(8),
          V128: b"\xfd\x0c" + bytes(16), FUNCREF: b"\xd0\x70", EXTERNREF: b"\xd0\x6f"}


def zeroes(types):
    if not all(kind in ZEROES for kind in types):
        raise Unreadable("no zero of that type")
    return b"".join(ZEROES[kind] for kind in types)


def own_the_imports(module, types):
    """Imported functions become functions that answer zero. Imports come first among functions,
    and these are put first: no index changes."""
    imports = module.entries(IMPORTS, read_function_import)
    module.prepend(FUNCTIONS, len(imports), b"".join(unsigned(kind) for _, _, kind in imports))
    module.prepend(CODE, len(imports), b"".join(body([], zeroes(types[kind][1]))
                                                for _, _, kind in imports))
    module.sections.pop(IMPORTS, None)


def as_command(data, rng):
    """The same module without imports, and with a `_start` that calls what it exported, in an
    order that `rng` chooses, twice."""
    module = Binary(data)
    types = module.entries(TYPES, read_type)
    own_the_imports(module, types)
    functions = module.entries(FUNCTIONS, Cursor.unsigned)
    calls = []
    exports = module.entries(EXPORTS, read_export)
    for _, kind, index in exports:
        if kind != FUNCTION:
            continue
        parameters, results = types[functions[index]]
        try:
            code = zeroes(parameters) + b"\x10" + unsigned(index) + b"\x1a" * len(results)
        except Unreadable:
            continue
        calls.append(code)
    if not calls:
        raise Unreadable("it exports nothing that can be called")
    rng.shuffle(calls)
    module.append(TYPES, 1, function_type([], []))
    module.append(FUNCTIONS, 1, unsigned(len(types)))
    module.append(CODE, 1, body([], b"".join(calls) * 2))
    start = name("_start") + bytes([FUNCTION]) + unsigned(len(functions))
    if any(title == b"_start" for title, _, _ in exports):
        raise Unreadable("it has a `_start`")
    module.append(EXPORTS, 1, start)
    assert module.content(CODE).endswith(END)
    return module.encode()
