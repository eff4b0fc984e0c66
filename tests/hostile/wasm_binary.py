"""Writes WebAssembly binaries section by section, valid or not: what no text format would let by.

    module = Module()
    spin = module.function([], [], [], b"\x03\x40\x0c\x00\x0b")   # loop br 0 end
    module.export("_start", FUNCTION, spin)
    data = module.encode()

Standard library only. Nothing is checked: an invalid module is often what is wanted.
"""
FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)
I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F
(CUSTOM, TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, GLOBALS, EXPORTS, START, ELEMENTS, CODE, DATA,
 DATA_COUNT, TAGS) = range(14)
# The order in which sections stand (the tags and the data count have late numbers).
ORDER = [TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, TAGS, GLOBALS, EXPORTS, START, ELEMENTS,
         DATA_COUNT, CODE, DATA]
HEADER = b"\0asm\x01\0\0\0"
END = b"\x0b"


def unsigned(value):
    """LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    """LEB128 of a number with a sign."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name(text):
    data = text if isinstance(text, bytes) else text.encode()
    return unsigned(len(data)) + data


def vector(items):
    return unsigned(len(items)) + b"".join(items)


def section(number, content):
    return bytes([number]) + unsigned(len(content)) + content


def custom(title, content):
    return section(CUSTOM, name(title) + content)


def i32_const(value):
    return b"\x41" + signed(value - (1 << 32) if value >= 1 << 31 else value)


def i64_const(value):
    return b"\x42" + signed(value - (1 << 64) if value >= 1 << 63 else value)


def function_type(parameters, results):
    return b"\x60" + name(bytes(parameters)) + name(bytes(results))


def body(local_groups, code):
    """`local_groups`: (count, type) each. The code gets its `end`."""
    content = vector([unsigned(count) + bytes([kind]) for count, kind in local_groups])
    content += code + END
    return unsigned(len(content)) + content


class Module:
    """Sections as lists of encoded entries; `raw` ones replace or follow them as they are."""

    def __init__(self, memory_pages=1):
        self.entries = {number: [] for number in ORDER}
        self.types = {}
        self.imported_functions = 0
        self.start = None
        self.raw = {}      # section number → content, instead of the entries
        self.before = b""  # sections before all others
        self.after = b""   # and after
        if memory_pages is not None:
            self.memory(memory_pages)
            self.export("memory", MEMORY, 0)

    def add(self, number, entry):
        self.entries[number].append(entry)
        return len(self.entries[number]) - 1

    def type(self, parameters, results):
        key = (bytes(parameters), bytes(results))
        if key not in self.types:
            self.types[key] = self.add(TYPES, function_type(*key))
        return self.types[key]

    def import_function(self, module, field, parameters, results):
        """Before any function of its own."""
        kind = unsigned(self.type(parameters, results))
        self.add(IMPORTS, name(module) + name(field) + b"\0" + kind)
        self.imported_functions += 1
        return self.imported_functions - 1

    def function(self, parameters, results, local_groups, code):
        self.add(CODE, body(local_groups, code))
        index = self.add(FUNCTIONS, unsigned(self.type(parameters, results)))
        return self.imported_functions + index

    def memory(self, pages):
        return self.add(MEMORIES, b"\0" + unsigned(pages))

    def export(self, field, kind, index):
        self.add(EXPORTS, name(field) + bytes([kind]) + unsigned(index))

    def command(self, code=b"", local_groups=()):
        """The function `_start`."""
        self.export("_start", FUNCTION, self.function([], [], local_groups, code))
        return self

    def add_table(self, functions):
        """A table of just these functions."""
        self.add(TABLES, bytes([FUNCREF]) + b"\0" + unsigned(len(functions)))
        self.add(ELEMENTS, b"\0" + i32_const(0) + END + vector(list(map(unsigned, functions))))

    def data(self, offset, content):
        self.add(DATA, b"\0" + i32_const(offset) + END + name(content))

    def encode(self):
        out = [HEADER, self.before]
        for number in ORDER:
            if number in self.raw:
                out.append(section(number, self.raw[number]))
            elif number == START and self.start is not None:
                out.append(section(START, unsigned(self.start)))
            elif self.entries[number]:
                out.append(section(number, vector(self.entries[number])))
        out.append(self.after)
        return b"".join(out)
