"""Modules that are large, or claim to be: what only a program can write. NAME → bytes.

Each generator is a function without arguments in MODULES. What each must lead to is in table.py.
"""
from wasm_binary import (
    CODE, CUSTOM, DATA, DATA_COUNT, ELEMENTS, END, EXPORTS, FUNCTION, FUNCTIONS, GLOBALS, HEADER,
    I32, I64, IMPORTS, MEMORIES, Module, START, TABLES, TAGS, TYPES, body, custom, function_type,
    i32_const, name, section, signed, unsigned,
    vector)

MIB = 1 << 20
GET, SET = b"\x20", b"\x21"
BLOCK, LOOP, IF = b"\x02\x40", b"\x03\x40", b"\x04\x40"
ADD, DROP, CALL, BR_IF, BR_TABLE = b"\x6a", b"\x1a", b"\x10", b"\x0d", b"\x0e"
UNREACHABLE = b"\x00"

MODULES = {}


def module(function):
    MODULES[function.__name__] = function
    return function


def local(instruction, index):
    return instruction + unsigned(index)


# --- code -----------------------------------------------------------------------------------------


@module
def br_table_65000():
    code = LOOP + i32_const(0) + BR_TABLE + unsigned(65000) + bytes(65001) + END
    return Module().command(code).encode()


@module
def br_table_million():
    code = BLOCK + i32_const(0) + BR_TABLE + unsigned(1_000_000) + bytes(1_000_001) + END
    return Module().command(code).encode()


@module
def br_table_claims_all():
    """2^32 - 1 targets in a body of a few bytes."""
    return Module().command(BLOCK + i32_const(0) + BR_TABLE + unsigned(2**32 - 1) + END).encode()


@module
def locals_50000():
    code = b"".join(local(GET, i) + b"\x42\x01\x7c" + local(SET, (i + 1) % 50_000)
                    for i in range(50_000))
    return Module().command(code, [(50_000, I64)]).encode()


@module
def locals_50001():
    return Module().command(b"", [(50_001, I64)]).encode()


@module
def locals_claim_all():
    """The sum of two groups wraps round to 0."""
    return Module().command(b"", [(2**31, I64), (2**31, I64)]).encode()


@module
def nested_blocks():
    return Module().command(BLOCK * 100_000 + END * 100_000).encode()


@module
def nested_ifs():
    return Module().command((i32_const(0) + IF) * 100_000 + END * 100_000).encode()


@module
def nested_branches():
    """From the innermost of 10,000 blocks a branch to each."""
    code = BLOCK * 10_000 + b"".join(i32_const(0) + local(BR_IF, i) for i in range(10_000))
    return Module().command(code + END * 10_000).encode()


@module
def nested_try_tables():
    return Module().command(b"\x1f\x40\x00" * 20_000 + END * 20_000).encode()


@module
def operands_30000():
    """All on the operand stack at once."""
    code = (i32_const(0) + b"\x28\x02\x00") * 30_000 + ADD * 29_999 + DROP
    return Module().command(code).encode()


@module
def body_beyond_limit():
    """One function of 8 MiB, more than any engine takes."""
    return Module().command(b"\x01" * (8 * MIB)).encode()


@module
def functions_100000():
    result = Module()
    for _ in range(99_999):
        result.function([], [], [], b"")
    return result.command().encode()


@module
def functions_million_and_one():
    result = Module(memory_pages=None)
    result.type([], [])
    result.raw[FUNCTIONS] = unsigned(1_000_001) + bytes(1_000_001)
    result.raw[CODE] = unsigned(1_000_001) + body([], b"") * 1_000_001
    return result.encode()


@module
def functions_without_code():
    result = Module()
    result.type([], [])
    result.raw[FUNCTIONS] = unsigned(1000) + bytes(1000)
    return result.encode()


@module
def legacy_try():
    result = Module()
    result.add(TAGS, b"\0" + unsigned(result.type([], [])))
    return result.command(b"\x06\x40\x08\x00\x19\x0b").encode()  # try throw catch_all end


# --- names ----------------------------------------------------------------------------------------


def function_names(pairs):
    return custom("name", section(1, vector([unsigned(i) + name(text) for i, text in pairs])))


@module
def names_of_a_mebibyte():
    """Thirty functions that call each other and trap, each with a name of a mebibyte."""
    result = Module()
    for index in range(29):
        code = CALL + unsigned(index + 1) if index < 28 else UNREACHABLE
        result.function([], [], [], code)
    result.command(CALL + unsigned(0))
    result.after = function_names([(i, chr(97 + i % 26) * MIB) for i in range(30)])
    return result.encode()


@module
def names_that_explode():
    """A mangled name that stands for 2^60 characters, one that is deep, and one that misleads."""
    symbol = "_Z1fSt4pairIiiE"
    for index in range(36):
        back = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index]
        symbol += f"S_IS{back}_S{back}_E"
    result = Module()
    result.function([], [], [], UNREACHABLE)
    result.function([], [], [], CALL + unsigned(0))
    result.function([], [], [], CALL + unsigned(1))
    result.command(CALL + unsigned(2))
    result.after = function_names([(0, symbol), (1, "_Z" + "P" * 1500 + "i"),
                                   (2, "\x1b]0;owned\x07\u202egnp.exe\r\nfake: line")])
    return result.encode()


@module
def names_malformed():
    """A name section with indices, lengths and text that are all wrong: it must not matter."""
    result = Module().command(UNREACHABLE)
    result.after = custom("name", section(1, unsigned(2**32 - 1) + b"\xff\xfe" * 50))
    return result.encode()


@module
def names_of_imports():
    """40 import names of a mebibyte, then 99,000 short ones."""
    result = Module()
    result.type([], [])
    imports = [name("m" * MIB) + name(str(i)) + b"\0\0" for i in range(40)]
    imports += [name("env") + name(f"f{i}") + b"\0\0" for i in range(99_000)]
    result.raw[IMPORTS] = vector(imports)
    return result.command().encode()


@module
def imports_100001():
    result = Module()
    result.type([], [])
    result.raw[IMPORTS] = unsigned(100_001) + (name("e") + name("f") + b"\0\0") * 100_001
    return result.command().encode()


@module
def imports_of_one_function():
    """sched_yield, 90,000 times."""
    result = Module()
    kind = result.type([], [I32])
    entry = name("wasi_snapshot_preview1") + name("sched_yield") + b"\0" + unsigned(kind)
    result.raw[IMPORTS] = unsigned(90_000) + entry * 90_000
    result.imported_functions = 90_000
    return result.command(CALL + unsigned(89_999) + DROP).encode()


@module
def exports_million():
    result = Module()
    result.command()
    result.entries[EXPORTS] += [name(str(i)) + b"\0\0" for i in range(1_000_000)]
    return result.encode()


@module
def exports_90000():
    result = Module()
    result.command()
    result.entries[EXPORTS] += [name(str(i)) + b"\0\0" for i in range(90_000)]
    return result.encode()


@module
def exports_twice():
    result = Module().command()
    result.export("_start", FUNCTION, 0)
    return result.encode()


@module
def export_name_of_40_mib():
    result = Module()
    result.export("x" * (40 * MIB), FUNCTION, 0)
    result.function([], [], [], b"")
    return result.encode()


# --- types ----------------------------------------------------------------------------------------


@module
def types_million():
    result = Module()
    result.raw[TYPES] = unsigned(1_000_000) + function_type([], []) * 1_000_000
    return result.command().encode()


@module
def type_of_a_million_values():
    result = Module()
    result.type([], [])
    many = b"\x60" + unsigned(1_000_000) + bytes([I32]) * 1_000_000 + b"\0"
    result.raw[TYPES] = vector([function_type([], []), many])
    return result.command().encode()


def struct(fields):
    """Of references, to be null, to the types with these indices."""
    return b"\x5f" + vector([b"\x63" + signed(index) + b"\x01" for index in fields])


def typed(groups):
    """A command whose types are these, after the one of `_start`."""
    result = Module()
    result.type([], [])
    result.raw[TYPES] = vector([function_type([], [])] + groups)
    return result.command().encode()


@module
def types_recursive():
    """One recursive group of 50,000 structs, each of which names its neighbours."""
    count = 50_000
    inside = vector([struct([1 + (i + 1) % count, 1 + i * 7 % count]) for i in range(count)])
    return typed([b"\x4e" + inside])


@module
def types_recursive_many():
    """50,000 groups of one struct, each of which names itself and the one before."""
    return typed([b"\x4e" + vector([struct([1 + i, i])]) for i in range(50_000)])


@module
def types_recursive_equal():
    """20,000 recursive groups that are all the same: found equal only by comparing."""
    def group(first):
        return b"\x4e" + vector([struct([first + (i + 1) % 8]) for i in range(8)])
    return typed([group(1 + 8 * i) for i in range(20_000)])


@module
def types_deep():
    """Subtypes of subtypes, deeper than any engine takes."""
    kinds = [b"\x50\x00\x5f\x00"]
    kinds += [b"\x50" + vector([unsigned(1 + i)]) + b"\x5f\x00" for i in range(200)]
    return typed(kinds)


@module
def types_claim_all():
    return HEADER + section(TYPES, unsigned(2**32 - 1))


# --- segments and sections ------------------------------------------------------------------------


@module
def data_of_60_mib():
    """A passive segment of 60 MiB that nobody uses."""
    result = Module()
    result.raw[DATA_COUNT] = unsigned(1)
    result.add(DATA, b"\x01" + name(b"\x55" * (60 * MIB)))
    return result.command().encode()


@module
def data_100000():
    """100,000 segments of one byte, the last wins; initialised anew for each request."""
    result = Module()
    for i in range(99_999):
        result.data(i % 65_536, b"x")
    return result.command().encode()


@module
def data_count_wrong():
    result = Module()
    result.raw[DATA_COUNT] = unsigned(7)
    result.data(0, b"x")
    return result.command().encode()


@module
def elements_fill_table():
    """100,000 places, filled for each request."""
    result = Module()
    result.command()
    result.add(TABLES, b"\x70\x00" + unsigned(100_000))
    result.add(ELEMENTS, b"\x00" + i32_const(0) + END + unsigned(100_000) + bytes(100_000))
    return result.encode()


@module
def globals_million():
    result = Module()
    result.raw[GLOBALS] = unsigned(1_000_000) + (b"\x7f\x01" + i32_const(7) + END) * 1_000_000
    return result.command().encode()


@module
def globals_90000():
    """The vmctx is as large as that: refused, or reset for each request."""
    result = Module()
    result.raw[GLOBALS] = unsigned(90_000) + (b"\x7f\x01" + i32_const(7) + END) * 90_000
    return result.command().encode()


@module
def global_expression_long():
    """One global whose initial value is a sum of 300,000 numbers."""
    value = i32_const(1) + (i32_const(1) + ADD) * 300_000
    result = Module()
    result.raw[GLOBALS] = vector([b"\x7f\x00" + value + END])
    return result.command().encode()


@module
def custom_60_mib():
    result = Module().command()
    result.before = custom("padding", bytes(60 * MIB))
    return result.encode()


@module
def custom_million():
    result = Module().command()
    result.after = custom("", b"") * 1_000_000
    return result.encode()


@module
def beyond_64_mib():
    result = Module().command()
    result.after = custom("padding", bytes(65 * MIB))
    return result.encode()


@module
def start_imported():
    """The start function is a host function, of another type than a start function has."""
    result = Module()
    result.start = result.import_function("wasi_snapshot_preview1", "sched_yield", [], [I32])
    return result.command().encode()


def counts():
    """Each section in turn claims 2^32 - 1 entries, and holds none."""
    made = {}
    for number, title in ((IMPORTS, "imports"), (FUNCTIONS, "functions"), (TABLES, "tables"),
                          (MEMORIES, "memories"), (TAGS, "tags"), (GLOBALS, "globals"),
                          (EXPORTS, "exports"), (START, "start"), (ELEMENTS, "elements"),
                          (DATA_COUNT, "data_count"), (CODE, "code"), (DATA, "data")):
        made[f"claims_all_{title}"] = HEADER + section(number, unsigned(2**32 - 1))
    made["claims_all_custom"] = HEADER + bytes([CUSTOM]) + unsigned(2**32 - 1) + b"\x01x"
    made["claims_overlong_number"] = HEADER + bytes([TYPES]) + b"\x80" * 20
    made["section_unknown"] = HEADER + section(200, b"")
    made["sections_out_of_order"] = HEADER + section(CODE, b"\0") + section(TYPES, b"\0")
    made["version_2"] = b"\0asm\x02\0\0\0"
    made["header_cut"] = b"\0asm\x01"
    return made


for _title, _data in counts().items():
    MODULES[_title] = lambda data=_data: data
