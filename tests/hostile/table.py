"""The one table of the hostile corpus: what a server must answer to each guest of it.

A row is NAME → Expected: the status, the code of the problem document (empty when it is none),
settings of the function if the defaults won't do. A guest is wat/NAME.wat, or it is made by the
generator NAME of large_modules.py, components_p3.py or preview1.py. test_hostile.py sees to it that
no guest is without a row and no row without a guest.

The limits of functions that set none are DEFAULT_LIMITS. They are small, so that a corpus of
endless loops ends; the wall clock is not, so that a busy machine can't turn one code into another.
"""
import typing

DEFAULT_LIMITS = {"cpu": "40ms", "timeout": "60s", "memory": "16MiB", "response-body": "1MiB",
                  "log": "4KiB", "concurrency": "64", "queue": "1000", "queue-timeout": "60s"}


class Expected(typing.NamedTuple):
    status: int
    code: str = ""         # "E4002"; empty: no problem document
    settings: str = ""     # the text of NAME.toml
    is_cut: bool = False   # the body breaks off, visibly
    others: tuple = ()     # further codes that are as good; "" is a 200

    def with_settings(self, text):
        return self._replace(settings=text + "\n")


FINE = Expected(200)
CUT = Expected(200, is_cut=True)
CPU = Expected(504, "E4002")
TRAP = Expected(500, "E3001")
EXITED = Expected(500, "E3002")
STACK = Expected(500, "E3003")
NO_ANSWER = Expected(500, "E3007")
MEMORY = Expected(500, "E4001")
MALFORMED = Expected(503, "E2001")
TEXT = Expected(503, "E2002")
IMPORT = Expected(503, "E2003")
CONTRACT = Expected(503, "E2004")
TOO_LARGE = Expected(503, "E2006")
FEATURE = Expected(503, "E2007")
UNCOMPILED = Expected(503, "E2008")
COMPILE_LIMIT = Expected(503, "E2009")
SIGNATURE = Expected(503, "E2010")
MINIMUM = Expected(503, "E2011")

SLEEP = Expected(504, "E4003").with_settings('[limits]\ntimeout = "700ms"')
MEMORY_64_MIB = '[limits]\nmemory = "64MiB"'
TMPFS = '[files]\n"/tmp" = { tmpfs = "1MiB" }'


def rows(expected, names):
    return {name: expected for name in names.split()}


ROWS = {
    # --- components (tests/components/README.md)
    **rows(FINE, "component_empty component_nested component_outer_module component_grow_both"),
    **rows(EXITED, "component_fail"),
    **rows(CPU, "component_start_spins component_post_return_spins component_realloc_spins"),
    **rows(TRAP, """
        component_start_traps component_realloc_outside component_list_outside
        component_huge_random component_huge_poll"""),
    "component_huge_list": TRAP.with_settings('[limits]\nmemory = "128MiB"'),
    # Handles are limited; a slow machine meets the CPU limit first.
    **rows(TRAP._replace(others=("E4002",)), """
        component_leak_pollables component_leak_own_resources component_streams_for_ever
        component_futures_for_ever component_sets_for_ever component_calls_for_ever
        component_backpressure_for_ever handler_fields handler_responses handler_bodies
        handler_requests handler_sends"""),
    **rows(FEATURE, "component_many_instances component_many_memories"),
    # --- WASI 0.3 (components_p3.py, and files)
    **rows(SLEEP, "component_blocked"),
    **rows(CPU, """
        component_yields_for_ever component_callback_yields component_polls_for_ever
        component_sleeps_for_ever component_cancels_for_ever component_calls_cancelled_for_ever
        component_stream_without_values component_stream_copies component_future_states
        handler_responses_dropped handler_yields"""),
    **rows(TRAP, """
        component_stream_write_huge component_stream_read_huge component_stream_write_outside
        component_stream_read_outside component_future_unwritten component_future_dropped_reading
        component_future_dropped_writing component_future_read_twice
        component_future_cancelled_idle component_stream_never_read component_wait_for_nothing
        handler_waits_for_nothing handler_silent_body handler_answers_twice
        handler_same_answer_twice handler_dropped_answer
        handler_dropped_trailers handler_consumes_twice handler_gives_while_reading
        handler_gives_and_reads handler_waits_for_none handler_unknown_code"""),
    "handler_no_answer": NO_ANSWER,
    **rows(FINE, """
        component_chain handler_fine handler_inside handler_gives_back handler_sends_own"""),
    "handler_endless_body": CUT,
    # Nobody is left to end the body: it is whole.
    **rows(FINE, "handler_forgotten_body handler_no_trailers"),
    # The answer goes out as soon as the handler waits or ends.
    **rows(CPU._replace(others=("",)), "handler_spins_after handler_yields_after"),
    **rows(IMPORT, """
        component_unknown_import component_unknown_function component_wrong_type"""),
    **rows(CONTRACT, "component_no_export"),

    # --- endless loops: by themselves, by bulk instructions, through the host
    **rows(CPU, """
        loop_plain loop_start loop_start_call loop_nested loop_br_table loop_irreducible loop_call
        loop_call_indirect loop_return_call loop_return_call_self loop_return_call_indirect
        loop_return_call_ref loop_return_call_stack loop_throw loop_throw_ref loop_throw_deep
        loop_global loop_float loop_simd loop_touch_pages loop_memory_fill_nothing loop_memory_init
        loop_memory_grow_by_none loop_memory_grow_refused loop_table_fill loop_table_copy
        loop_table_init loop_table_grow_refused loop_table_externref
        loop_array_fill loop_array_copy loop_sched_yield loop_clock_time_get loop_clock_bad
        loop_random_get_nothing loop_random_get loop_fd_write_nothing loop_fd_write_empty
        loop_fd_write_many_empty loop_fd_write_bad loop_fd_read loop_fd_close_bad
        loop_fd_fdstat_get loop_fd_prestat_get loop_environ_get loop_args_get
        loop_proc_raise_ignored loop_path_open loop_poll_now loop_poll_output loop_poll_many
        loop_poll_nanosecond loop_sock_recv br_table_65000"""),
    # On a fast machine its 16 MiB are full before its CPU time is over.
    "loop_struct_new": CPU._replace(others=("E4001",)),
    **rows(CPU.with_settings(MEMORY_64_MIB), """
        loop_memory_fill loop_memory_copy loop_memory_copy_across"""),

    # --- recursion
    **rows(STACK, """
        recurse_direct recurse_start recurse_mutual recurse_indirect recurse_ref
        recurse_frames_of_vectors recurse_host_each recurse_caught"""),
    # Thousands of turns, each behind all that runs meanwhile: most of a minute on a busy machine.
    **rows(STACK.with_settings('[limits]\ncpu = "10s"\ntimeout = "140s"'), "recurse_host_waits"),

    # --- memories, tables, garbage-collected objects
    **rows(MEMORY, """
        grow_by_one grow_at_once grow_and_touch grow_several_memories grow_memory64
        table_grow_by_one table_grow_at_once table_grow_several table64_grow"""),
    **rows(MEMORY.with_settings('[limits]\ncpu = "2s"'), "gc_keep_everything throw_keep_all"),
    **rows(FINE, "grow_refused_is_no_failure memory_maximum_only memory64_with_wasi"),
    **rows(SLEEP, "grow_and_stay"),
    **rows(TRAP, """
        grow_beyond_own_maximum gc_array_of_everything gc_array_of_a_gib far_load memory64_far_load
        data_out_of_range data_far_out_of_range elements_out_of_range"""),
    **rows(MINIMUM, """
        memory_all_of_4_gib memory64_huge table_minimum_huge table_minimum_beyond"""),
    **rows(MALFORMED, "memory_beyond_4_gib"),
    **rows(FEATURE, "memory_shared memories_nine memory_pages_of_a_byte tables_nine"),

    # --- floods of output and of the log
    **rows(CUT, "flood_gigabyte flood_gigabyte_cgi flood_until_error iovec_same_buffer"),
    # On a slow machine its CPU time may be over before the head of the response went out.
    "flood_bytes": CUT._replace(others=("E4002",)),
    **rows(CPU, "log_no_newline log_newlines log_newline_each log_binary"),
    **rows(FINE, "log_terminal"),

    # --- sizes, pointers, numbers
    **rows(FINE, """
        poll_nothing poll_million poll_all_of_them poll_overlapping poll_out_of_range
        poll_unknown_type random_two_gib_without iovec_edge iovec_count_all iovec_length_all
        iovec_itself fd_extremes raise_unknown environment_walk import_everything
        import_everything_twice"""),
    "poll_million": FINE.with_settings(MEMORY_64_MIB),
    **rows(SLEEP, "poll_far_future poll_absolute_end_of_time"),
    # A server with less than 2 GiB for its guests refuses the growth.
    "random_two_gib": CPU._replace(others=("E4001",)).with_settings('[limits]\nmemory = "4GiB"'),

    # --- ends of all kinds
    **rows(FINE, "exit_in_start"),
    **rows(EXITED, """
        exit_1_in_start exit_minus_1 exit_minimum exit_maximum exit_256 exit_deep exit_caught"""),
    **rows(TRAP, """
        raise_kill trap_in_start trap_division trap_remainder trap_truncate trap_null_call
        trap_far_call trap_other_type trap_null_struct trap_cast throw_uncaught throw_in_start
        names_of_a_mebibyte names_that_explode names_malformed"""),

    # --- files, in a tmpfs
    **rows(CPU.with_settings(TMPFS), """
        files_exhaust_descriptors files_flood_names files_deep files_links files_fill
        files_read_directory"""),
    **rows(FINE.with_settings(TMPFS), "files_huge"),

    # --- refused when they are loaded
    **rows(IMPORT, """
        import_unknown import_memory import_memory_of_wasi import_global import_table import_tag
        import_names names_of_imports"""),
    **rows(SIGNATURE, "import_wrong_signature import_wrong_result import_many_results"),
    **rows(CONTRACT, """
        export_names start_is_memory start_is_global start_takes start_gives start_missing
        export_name_of_40_mib claims_all_data_count"""),
    **rows(Expected(503, "E2012"), "memory_not_exported memory_is_function"),
    "component": Expected(503, "E2004"),
    "text_broken": TEXT,
    **rows(FEATURE, """
        stack_switching threads legacy_try globals_million imports_of_one_function
        export_reserved"""),
    **rows(MALFORMED, """
        locals_50001 locals_claim_all br_table_claims_all body_beyond_limit
        functions_million_and_one functions_without_code imports_100001 exports_million
        exports_twice type_of_a_million_values types_deep types_claim_all data_count_wrong
        start_imported claims_all_imports claims_all_functions claims_all_tables
        claims_all_memories claims_all_tags claims_all_globals claims_all_exports
        claims_all_start claims_all_elements claims_all_code claims_all_data claims_all_custom
        claims_overlong_number section_unknown sections_out_of_order version_2 header_cut"""),
    **rows(UNCOMPILED, "br_table_million"),
    **rows(TOO_LARGE, "beyond_64_mib"),

    # --- large, and served all the same
    **rows(FINE, """
        locals_50000 nested_blocks nested_ifs nested_branches nested_try_tables operands_30000
        functions_100000 exports_90000 types_million types_recursive types_recursive_many
        types_recursive_equal data_of_60_mib data_100000 elements_fill_table globals_90000
        global_expression_long custom_60_mib custom_million"""),

    # --- compile bombs
    **rows(COMPILE_LIMIT, """
        bomb_loops bomb_ifs bomb_nested_loops bomb_calls bomb_branches bomb_types
        bomb_elements"""),
    **rows(FINE._replace(others=("E2009",)), "bomb_slow"),
}

# Bombs that cost some seconds each, as a part of every run; the others cost half a minute each.
QUICK_BOMBS = ("bomb_loops", "bomb_ifs", "bomb_nested_loops", "bomb_calls")
