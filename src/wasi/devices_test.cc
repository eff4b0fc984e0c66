#include <gtest/gtest.h>

#include "wasi/test_host.h"

namespace godwit::wasi {
namespace {

constexpr std::uint64_t kName = 0x300;
constexpr std::uint64_t kOpened = 0x20;

struct DeviceHost : TestHost {
  explicit DeviceHost(Devices devices = Devices::kStdio) : TestHost(4096, {}, {}, devices) {}

  Errno open(std::string_view name, std::uint64_t flags = 0, std::uint64_t fd = 3) {
    put_text(kName, name);
    return call("path_open", {fd, 0, kName, name.size(), flags, ~0ULL, ~0ULL, 0, kOpened});
  }
};

TEST(Devices, WithoutTheGrantThereIsNoFolder) {
  DeviceHost host(Devices::kNone);
  EXPECT_EQ(host.call("fd_prestat_get", {3, 0x40}), Errno::kBadf);
  EXPECT_EQ(host.open("stdout"), Errno::kBadf);
  EXPECT_EQ(host.open("stdout", 0, 1), Errno::kNotdir);
}

TEST(Devices, TheFolderIsAPreopenNamedDev) {
  DeviceHost host;
  EXPECT_EQ(host.call("fd_prestat_get", {3, 0x40}), Errno::kSuccess);
  EXPECT_EQ(host.get<Prestat>(0x40).tag, 0);
  EXPECT_EQ(host.get<Prestat>(0x40).name_size, 4u);
  EXPECT_EQ(host.call("fd_prestat_dir_name", {3, 0x60, 4}), Errno::kSuccess);
  EXPECT_EQ(host.text(0x60, 4), "/dev");
  EXPECT_EQ(host.call("fd_prestat_dir_name", {3, 0x60, 3}), Errno::kNametoolong);
  EXPECT_EQ(host.call("fd_prestat_get", {4, 0x40}), Errno::kBadf);
  EXPECT_EQ(host.call("fd_fdstat_get", {3, 0x40}), Errno::kSuccess);
  EXPECT_EQ(host.get<FdStat>(0x40).filetype, FileType::kDirectory);
}

TEST(Devices, StdoutByNameIsTheResponse) {
  DeviceHost host;
  constexpr std::uint64_t kCreateTruncate = 1 | 8;
  ASSERT_EQ(host.open("stdout", kCreateTruncate), Errno::kSuccess);
  const auto fd = host.get<std::uint32_t>(kOpened);
  EXPECT_EQ(fd, 4u);
  EXPECT_EQ(host.write(fd, "wave"), Errno::kSuccess);
  EXPECT_EQ(host.output.text(), "wave");
  EXPECT_EQ(host.call("fd_seek", {fd, 0, 0, 0x80}), Errno::kSpipe);
  EXPECT_EQ(host.call("fd_close", {fd}), Errno::kSuccess);
  EXPECT_EQ(host.write(fd, "x"), Errno::kBadf);
  EXPECT_EQ(host.write(1, "!"), Errno::kSuccess) << "closing a name does not close the stream";
}

TEST(Devices, StdinByName) {
  DeviceHost host;
  host.input.push("body");
  ASSERT_EQ(host.open("stdin"), Errno::kSuccess);
  host.put(0x40, Iovec{0x100, 10});
  EXPECT_EQ(host.call("fd_read", {host.get<std::uint32_t>(kOpened), 0x40, 1, 0x60}),
            Errno::kSuccess);
  EXPECT_EQ(host.text(0x100, 4), "body");
}

TEST(Devices, NothingElseIsThere) {
  DeviceHost host;
  for (const char* name : {"null", "", ".", "..", "../etc/passwd", "/dev/stdout", "stdout/",
                           "stdoutt", "a-very-long-name-that-is-no-device"}) {
    EXPECT_EQ(host.open(name), Errno::kNoent) << name;
  }
  EXPECT_EQ(host.open("new", 1), Errno::kAcces);
  EXPECT_EQ(host.open("stdout", 2), Errno::kNotdir);
  EXPECT_EQ(host.open("stdout", 1 | 4), Errno::kExist);
  EXPECT_EQ(host.open("stdout", 16), Errno::kInval);
  EXPECT_EQ(host.call("path_open", {3, 0, 4095, 6, 0, 0, 0, 0, kOpened}), Errno::kFault);
  host.put_text(kName, "stdout");
  EXPECT_EQ(host.call("path_open", {3, 0, kName, 6, 0, 0, 0, 0, 4094}), Errno::kFault);
  EXPECT_EQ(host.call("path_unlink_file", {3, kName, 6}), Errno::kNotcapable);
  EXPECT_EQ(host.call("fd_readdir", {3, 0x100, 100, 0, 0x20}), Errno::kNotcapable);
}

TEST(Devices, NumbersRunOut) {
  DeviceHost host;
  for (int i = 4; i < 1024; ++i) ASSERT_EQ(host.open("stdout"), Errno::kSuccess) << i;
  EXPECT_EQ(host.open("stdout"), Errno::kMfile);
  EXPECT_EQ(host.call("fd_close", {7}), Errno::kSuccess);
  EXPECT_EQ(host.open("stderr"), Errno::kSuccess);
  EXPECT_EQ(host.get<std::uint32_t>(kOpened), 7u);
}

TEST(Devices, FilestatByPath) {
  DeviceHost host;
  host.put_text(kName, "stdout");
  EXPECT_EQ(host.call("path_filestat_get", {3, 0, kName, 6, 0x100}), Errno::kSuccess);
  EXPECT_EQ(host.get<FileStat>(0x100).link_count, 1u);
  EXPECT_EQ(host.call("path_filestat_get", {3, 0, kName, 3, 0x100}), Errno::kNoent);
  EXPECT_EQ(host.call("path_filestat_get", {3, 0, kName, 6, 4090}), Errno::kFault);
}

}  // namespace
}  // namespace godwit::wasi
