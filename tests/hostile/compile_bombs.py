"""Files that cost a compiler all that it is given, or nearly: NAME → bytes, in BOMBS.

How little it takes: each nests, or joins, a few hundred of something in one function.
"""
from large_modules import (ADD, BR_IF, CALL, DROP, GET, IF, LOOP, SET, local)
from wasm_binary import (ELEMENTS, END, I32, I64, Module, TYPES, function_type, i32_const, unsigned,
                         vector)

TEE = b"\x22"
BOMBS = {}


def bomb(function):
    BOMBS[function.__name__] = function
    return function


def variables(count):
    return b"".join(local(GET, i) + i32_const(1) + ADD + local(SET, i) for i in range(count))


@bomb
def bomb_loops():
    """8 KiB: 500 loops in each other change 500 variables. All CPU time that there is."""
    code = LOOP * 500 + variables(500)
    code += b"".join(local(GET, i) + BR_IF + b"\x00" + END for i in range(500))
    return Module().command(code, [(500, I32)]).encode()


@bomb
def bomb_ifs():
    """300 KiB: 20,000 branches join 1,000 variables. All memory that there is, within seconds."""
    code = b""
    for i in range(20_000):
        code += local(GET, i * 7 % 1000) + IF + local(GET, (i + 1) % 1000) + i32_const(1) + ADD
        code += local(SET, i % 1000) + END
    code += b"".join(local(GET, i) + DROP for i in range(1000))
    return Module().command(code, [(1000, I32)]).encode()


@bomb
def bomb_nested_loops():
    """300 KiB: 100,000 loops in each other."""
    return Module().command(LOOP * 100_000 + END * 100_000).encode()


@bomb
def bomb_calls():
    """2 MiB: a million calls in one function."""
    result = Module()
    result.function([], [], [], b"")
    return result.command((CALL + b"\x00") * 1_000_000).encode()


@bomb
def bomb_slow():
    """72 KiB that do compile, after 6 s and half a gibibyte."""
    code = b""
    for i in range(5000):
        code += LOOP + local(GET, i % 1000) + i32_const(1) + ADD + local(TEE, i % 1000)
        code += BR_IF + b"\x00" + END
    code += b"".join(local(GET, i) + DROP for i in range(1000))
    return Module().command(code, [(1000, I32)]).encode()


@bomb
def bomb_branches():
    """80 KiB: from the innermost of 10,000 loops a branch to each."""
    code = LOOP * 10_000 + b"".join(i32_const(0) + local(BR_IF, i) for i in range(10_000))
    return Module().command(code + END * 10_000).encode()


@bomb
def bomb_types():
    """20 MiB: 20,000 different signatures with a thousand parameters each."""
    def kind(number):
        return function_type([I32 if number >> bit & 1 else I64 for bit in range(15)]
                             + [I32] * 985, [])
    result = Module()
    result.type([], [])
    result.raw[TYPES] = vector([function_type([], [])] + [kind(i) for i in range(20_000)])
    return result.command().encode()


@bomb
def bomb_elements():
    """1 MiB: a passive segment of a million references."""
    result = Module()
    result.command()
    result.add(ELEMENTS, b"\x01\x00" + unsigned(1_000_000) + bytes(1_000_000))
    return result.encode()
