#include <algorithm>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "wasi/test_files.h"
#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

using engine::HostFunction;
using engine::HostStatus;
using engine::ValueType;

// From wasi_snapshot_preview1.witx (WebAssembly/WASI, legacy/preview1), lowered as its tools do:
// i is an i32, I an i64. Strings and arrays are two i32; a result beyond the errno is a pointer.
const std::map<std::string, std::string> kExpected = {
    {"args_get", "ii"},
    {"args_sizes_get", "ii"},
    {"environ_get", "ii"},
    {"environ_sizes_get", "ii"},
    {"clock_res_get", "ii"},
    {"clock_time_get", "iIi"},
    {"fd_advise", "iIIi"},
    {"fd_allocate", "iII"},
    {"fd_close", "i"},
    {"fd_datasync", "i"},
    {"fd_fdstat_get", "ii"},
    {"fd_fdstat_set_flags", "ii"},
    {"fd_fdstat_set_rights", "iII"},
    {"fd_filestat_get", "ii"},
    {"fd_filestat_set_size", "iI"},
    {"fd_filestat_set_times", "iIIi"},
    {"fd_pread", "iiiIi"},
    {"fd_prestat_get", "ii"},
    {"fd_prestat_dir_name", "iii"},
    {"fd_pwrite", "iiiIi"},
    {"fd_read", "iiii"},
    {"fd_readdir", "iiiIi"},
    {"fd_renumber", "ii"},
    {"fd_seek", "iIii"},
    {"fd_sync", "i"},
    {"fd_tell", "ii"},
    {"fd_write", "iiii"},
    {"path_create_directory", "iii"},
    {"path_filestat_get", "iiiii"},
    {"path_filestat_set_times", "iiiiIIi"},
    {"path_link", "iiiiiii"},
    {"path_open", "iiiiiIIii"},
    {"path_readlink", "iiiiii"},
    {"path_remove_directory", "iii"},
    {"path_rename", "iiiiii"},
    {"path_symlink", "iiiii"},
    {"path_unlink_file", "iii"},
    {"poll_oneoff", "iiii"},
    {"proc_exit", "i"},
    {"proc_raise", "i"},
    {"random_get", "ii"},
    {"sched_yield", ""},
    {"sock_accept", "iii"},
    {"sock_recv", "iiiiii"},
    {"sock_send", "iiiii"},
    {"sock_shutdown", "ii"},
};

std::string parameters(const HostFunction& function) {
  std::string text;
  for (const ValueType type : function.parameters) {
    text += type == ValueType::kI64 ? 'I' : type == ValueType::kI32 ? 'i' : '?';
  }
  return text;
}

void expect_table(std::span<const HostFunction> table, std::string_view module,
                  std::map<std::string, std::string> expected) {
  for (const HostFunction& function : table) {
    const std::string name(function.name);
    EXPECT_EQ(function.module, module) << name;
    ASSERT_TRUE(expected.contains(name)) << name << " is unknown or twice in the table";
    EXPECT_EQ(parameters(function), expected[name]) << name;
    const std::size_t results = name == "proc_exit" ? 0 : 1;
    ASSERT_EQ(function.results.size(), results) << name;
    EXPECT_TRUE(results == 0 || function.results[0] == ValueType::kI32) << name;
    EXPECT_NE(function.call, nullptr) << name;
    expected.erase(name);
  }
  for (const auto& [name, signature] : expected) ADD_FAILURE() << name << " is missing";
}

TEST(Table, Preview1HasAll46Functions) {
  ASSERT_EQ(kExpected.size(), 46u);
  expect_table(preview1_functions(), "wasi_snapshot_preview1", kExpected);
}

TEST(Table, Snapshot0HasAll45Functions) {
  auto expected = kExpected;
  expected.erase("sock_accept");
  expect_table(snapshot0_functions(), "wasi_unstable", expected);
}

TEST(Table, HostFunctionsAreAllTables) {
  std::size_t emscripten = 0;
  for (const HostFunction& function : host_functions()) emscripten += function.module == "env";
  EXPECT_EQ(host_functions().size(), 46u + 45u + 1u);
  EXPECT_EQ(emscripten, 1u) << "emscripten_notify_memory_growth";
}

// A function that may wait costs more to call: those that every program calls at its start do not.
TEST(Table, WhatNeedsNoDiskNeverWaits) {
  constexpr std::string_view kNeverWait[] = {
      "args_get",      "args_sizes_get",      "environ_get",    "environ_sizes_get",
      "clock_res_get", "clock_time_get",      "fd_close",       "fd_fdstat_get",
      "fd_renumber",   "fd_fdstat_set_flags", "fd_prestat_get", "fd_prestat_dir_name",
      "fd_tell",       "proc_exit",           "sched_yield",    "fd_fdstat_set_rights"};
  for (const HostFunction& function : host_functions()) {
    const bool never = std::find(std::begin(kNeverWait), std::end(kNeverWait), function.name) !=
                           std::end(kNeverWait) ||
                       function.name.starts_with("sock_") || function.module == "env";
    EXPECT_EQ(function.may_wait, !never) << function.name;
  }
}

// Whatever a guest passes, the host answers with an errno of the specification, waits, or ends the
// guest; AddressSanitizer and UBSan watch it.
TEST(Table, SurvivesHostileArguments) {
  constexpr std::uint64_t kHighestErrno = 76;
  std::mt19937_64 generator(20240229);
  const auto pick = [&](const auto& values) { return values[generator() % std::size(values)]; };
  for (int round = 0; round < 300; ++round) {
    StringList environment;
    ASSERT_TRUE(environment.add_variable("NAME", "value"));
    const auto files = capability::MemoryFileSystem::create({64 << 10, 20}, nullptr);
    TestHost host(512, environment, environment, round % 3 == 0 ? Devices::kStdio : Devices::kNone,
                  {{"/work", std::make_shared<OneFolder>(files->root())}});
    host.input.push("some input");
    const std::uint64_t hostile[] = {
        0,    1,    2,    3,          4,          8,          host.size(), 511,    508, 505, 1024,
        1025, 4096, 4097, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF,  0xFFFF, 256, 480};
    const std::uint64_t hostile64[] = {0, 1, 1ULL << 31, 1ULL << 63, (1ULL << 63) - 1, ~0ULL};
    for (int i = 0; i < 200; ++i) {
      for (std::uint64_t at = 0; at + 4 <= host.size(); at += 4) {
        if (generator() % 4 == 0) host.put(at, static_cast<std::uint32_t>(pick(hostile)));
      }
      const HostFunction& function = pick(host_functions());
      std::vector<std::uint64_t> arguments;
      for (const ValueType type : function.parameters) {
        arguments.push_back(type == ValueType::kI64 ? pick(hostile64) : pick(hostile));
      }
      if (host.call_any(function, arguments) == HostStatus::kDone) {
        ASSERT_LE(host.result, kHighestErrno) << function.name;
      }
      host.output.take();
      host.error_output.take();
    }
  }
}

}  // namespace
}  // namespace godwit::wasi
