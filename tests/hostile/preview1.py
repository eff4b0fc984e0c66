"""WASI preview 1's functions and their types, and each of them called with extreme arguments.

`extreme_calls()` is one module that makes one of some thousand calls: `?i=N` says which. It prints
the errno as a decimal number. Source: wasi_snapshot_preview1.witx (WebAssembly/WASI).
"""
from wasm_binary import (CODE, END, I32, I64, Module, i32_const, i64_const, unsigned)

MODULE = "wasi_snapshot_preview1"
# i is an i32, I an i64. The result is an errno, but for proc_exit, which has none.
SIGNATURES = {
    "args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii",
    "clock_res_get": "ii", "clock_time_get": "iIi", "fd_advise": "iIIi", "fd_allocate": "iII",
    "fd_close": "i", "fd_datasync": "i", "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "iII", "fd_filestat_get": "ii", "fd_filestat_set_size": "iI",
    "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi", "fd_prestat_get": "ii",
    "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi",
    "fd_renumber": "ii", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii",
    "path_create_directory": "iii", "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiiIIi", "path_link": "iiiiiii", "path_open": "iiiiiIIii",
    "path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
    "path_symlink": "iiiii", "path_unlink_file": "iii", "poll_oneoff": "iiii", "proc_exit": "i",
    "proc_raise": "i", "random_get": "ii", "sched_yield": "", "sock_accept": "iii",
    "sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
}
TYPES = {"i": I32, "I": I64}

# Sensible arguments, of which some are then replaced: buffers lie at 1024, results go to 4096, a
# list of buffers (one, 64 bytes at 2048) lies at 512, the path "a" at 768. 3 is a folder, 4 a file.
BUFFER, RESULT, LIST, PATH, FOLDER, FILE = 1024, 4096, 512, 768, 3, 4
SENSIBLE = {
    "fd_read": [FILE, LIST, 1, RESULT], "fd_write": [FILE, LIST, 1, RESULT],
    "fd_pread": [FILE, LIST, 1, 0, RESULT], "fd_pwrite": [FILE, LIST, 1, 0, RESULT],
    "fd_readdir": [FOLDER, BUFFER, 256, 0, RESULT],
    "fd_prestat_get": [FOLDER, RESULT], "fd_prestat_dir_name": [FOLDER, BUFFER, 4],
    "path_create_directory": [FOLDER, PATH, 1], "path_remove_directory": [FOLDER, PATH, 1],
    "path_unlink_file": [FOLDER, PATH, 1], "path_filestat_get": [FOLDER, 0, PATH, 1, RESULT],
    "path_filestat_set_times": [FOLDER, 0, PATH, 1, 0, 0, 5],
    "path_link": [FOLDER, 0, PATH, 1, FOLDER, PATH, 1],
    "path_open": [FOLDER, 0, PATH, 1, 1, 2**29 - 1, 2**29 - 1, 0, RESULT],
    "path_readlink": [FOLDER, PATH, 1, BUFFER, 64, RESULT],
    "path_rename": [FOLDER, PATH, 1, FOLDER, PATH, 1],
    "path_symlink": [PATH, 1, FOLDER, PATH, 1],
    "poll_oneoff": [BUFFER, RESULT, 1, RESULT + 64], "random_get": [BUFFER, 64],
    "clock_time_get": [1, 0, RESULT], "clock_res_get": [1, RESULT],
    "args_get": [BUFFER, RESULT], "args_sizes_get": [BUFFER, RESULT],
    "environ_get": [BUFFER, RESULT], "environ_sizes_get": [BUFFER, RESULT],
    "proc_exit": [0], "proc_raise": [0], "sched_yield": [],
    "sock_recv": [0, LIST, 1, 0, RESULT, RESULT + 8], "sock_send": [1, LIST, 1, 0, RESULT],
}
MEMORY_BYTES = 65536
EXTREME_32 = [0, 1, 2, 7, MEMORY_BYTES - 1, MEMORY_BYTES, MEMORY_BYTES + 1, 2**31 - 1, 2**31,
              2**31 + 1, 2**32 - 8, 2**32 - 2, 2**32 - 1]
EXTREME_64 = [0, 1, MEMORY_BYTES, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**63 + 1,
              2**64 - 2, 2**64 - 1]
# For pointers beside lengths, where the sum matters: fewer of each.
PAIR_32 = [1, MEMORY_BYTES - 1, 2**31, 2**32 - 8, 2**32 - 1]
# What shows where the descriptors end.
DESCRIPTORS = [0, 1, 2, 3, 4, 5]


def sensible(function):
    signature = SIGNATURES[function]
    if function in SENSIBLE:
        return list(SENSIBLE[function])
    return [FILE if i == 0 else RESULT if kind == "i" else 0 for i, kind in enumerate(signature)]


def calls():
    """(function, arguments), without repetition."""
    seen = {}
    for function, signature in SIGNATURES.items():
        base = sensible(function)

        def note(*replaced, function=function, base=base):
            arguments = list(base)
            for index, value in replaced:
                arguments[index] = value
            seen[(function, tuple(arguments))] = None

        note()
        for index, kind in enumerate(signature):
            for value in EXTREME_32 if kind == "i" else EXTREME_64:
                note((index, value))
            if index == 0 and function.startswith(("fd_", "path_", "sock_")):
                for value in DESCRIPTORS:
                    note((0, value))
            if index + 1 < len(signature) and signature[index:index + 2] == "ii":
                for value in PAIR_32:
                    for other in PAIR_32:
                        note((index, value), (index + 1, other))
        for value in EXTREME_32:
            note(*[(i, value) for i, kind in enumerate(signature) if kind == "i"])
    return list(seen)


def constant(kind, value):
    return i32_const(value) if kind == "i" else i64_const(value)


def call_code(functions, function, arguments):
    code = b"".join(map(constant, SIGNATURES[function], arguments))
    code += b"\x10" + unsigned(functions[function])
    return code + (i32_const(0) if function == "proc_exit" else b"")


def import_all(module, of=MODULE):
    return {function: module.import_function(
        of, function, [TYPES[kind] for kind in signature],
        [] if function == "proc_exit" else [I32]) for function, signature in SIGNATURES.items()}


def import_everything():
    """Every function of preview 1, with its right type; none is called."""
    module = Module()
    import_all(module)
    return module.command().encode()


def import_everything_twice():
    """And every function of the snapshot before, which had no sock_accept."""
    module = Module()
    import_all(module)
    for function, signature in SIGNATURES.items():
        if function != "sock_accept":
            module.import_function("wasi_unstable", function, [TYPES[kind] for kind in signature],
                                   [] if function == "proc_exit" else [I32])
    return module.command().encode()


# Local 0: where the text of `i` is read; local 1: the number; local 2: a digit.
GET, SET, TEE = b"\x20", b"\x21", b"\x22"
ENVIRONMENT, POINTERS = 32768, 24576


def read_number(functions):
    """Local 1 becomes the number after `i=` in the environment."""
    def get(index):
        return GET + bytes([index])
    code = i32_const(POINTERS) + i32_const(ENVIRONMENT) + b"\x10"
    code += unsigned(functions["environ_get"]) + b"\x1a"
    # The list is searched for the entry that begins with "i=".
    code += i32_const(POINTERS) + SET + b"\x03"
    code += b"\x03\x40"                                            # loop
    code += get(3) + b"\x28\x02\x00" + TEE + b"\x00"               # where an entry begins
    code += b"\x2f\x00\x00" + i32_const(0x3D69) + b"\x47"          # is it not "i="?
    code += b"\x04\x40" + get(3) + i32_const(4) + b"\x6a" + SET + b"\x03\x0c\x01" + END
    code += END
    code += get(0) + i32_const(2) + b"\x6a" + SET + b"\x00"
    code += b"\x03\x40"                                            # loop over the digits
    code += get(0) + b"\x2d\x00\x00" + i32_const(48) + b"\x6b" + TEE + b"\x02"
    code += i32_const(10) + b"\x49\x04\x40"                        # is it one?
    code += get(1) + i32_const(10) + b"\x6c" + get(2) + b"\x6a" + SET + b"\x01"
    code += get(0) + i32_const(1) + b"\x6a" + SET + b"\x00\x0c\x01" + END
    return code + END


def print_number(functions):
    """Local 1, below 1000, as three digits."""
    code = b""
    for place, divisor in enumerate((100, 10, 1)):
        code += i32_const(16 + place) + GET + b"\x01" + i32_const(divisor) + b"\x6e"
        code += i32_const(10) + b"\x70" + i32_const(48) + b"\x6a\x3a\x00\x00"
    code += i32_const(0) + i32_const(16) + b"\x36\x02\x00"
    code += i32_const(4) + i32_const(3) + b"\x36\x02\x00"
    code += i32_const(1) + i32_const(0) + i32_const(1) + i32_const(8)
    return code + b"\x10" + unsigned(functions["fd_write"]) + b"\x1a"


def extreme_calls(chosen):
    """Opens a file as descriptor 4 in folder 3, makes call number `i`, prints its errno."""
    module = Module()
    functions = import_all(module)
    module.data(LIST, (2048).to_bytes(4, "little") + (64).to_bytes(4, "little"))
    module.data(PATH, b"a")
    kind = module.type([], [I32])
    code = read_number(functions)
    code += call_code(functions, "path_open", [FOLDER, 0, PATH, 1, 1, 2**29 - 1, 2**29 - 1, 0,
                                               RESULT]) + b"\x1a"
    code += GET + b"\x01\x11" + unsigned(kind) + b"\x00" + SET + b"\x01" + print_number(functions)
    calling = [module.function([], [I32], [], call_code(functions, *call)) for call in chosen]
    module.add_table(calling)
    module.command(code, [(4, I32)])
    assert len(module.entries[CODE]) == len(chosen) + 1
    return module.encode()
