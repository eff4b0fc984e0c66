#include <algorithm>
#include <array>
#include <vector>

#include "wasi/functions.h"
#include "wasi/preview1.h"

namespace godwit::wasi {
namespace {

namespace f = functions;
using engine::HostFunction;

constexpr std::string_view kPreview1Module = "wasi_snapshot_preview1";
constexpr std::string_view kSnapshot0Module = "wasi_unstable";

template <auto kFunction>
constexpr HostFunction entry(std::string_view name) {
  return host_entry<kFunction>(kPreview1Module, name);
}

constexpr std::array kPreview1 = {
    entry<&f::args_get>("args_get"),
    entry<&f::args_sizes_get>("args_sizes_get"),
    entry<&f::environ_get>("environ_get"),
    entry<&f::environ_sizes_get>("environ_sizes_get"),
    entry<&f::clock_res_get>("clock_res_get"),
    entry<&f::clock_time_get>("clock_time_get"),
    entry<&f::fd_advise>("fd_advise"),
    entry<&f::fd_allocate>("fd_allocate"),
    entry<&f::fd_close>("fd_close"),
    entry<&f::fd_datasync>("fd_datasync"),
    entry<&f::fd_fdstat_get>("fd_fdstat_get"),
    entry<&f::fd_fdstat_set_flags>("fd_fdstat_set_flags"),
    entry<&f::fd_fdstat_set_rights>("fd_fdstat_set_rights"),
    entry<&f::fd_filestat_get>("fd_filestat_get"),
    entry<&f::fd_filestat_set_size>("fd_filestat_set_size"),
    entry<&f::fd_filestat_set_times>("fd_filestat_set_times"),
    entry<&f::fd_pread>("fd_pread"),
    entry<&f::fd_prestat_get>("fd_prestat_get"),
    entry<&f::fd_prestat_dir_name>("fd_prestat_dir_name"),
    entry<&f::fd_pwrite>("fd_pwrite"),
    entry<&f::fd_read>("fd_read"),
    entry<&f::fd_readdir>("fd_readdir"),
    entry<&f::fd_renumber>("fd_renumber"),
    entry<&f::fd_seek>("fd_seek"),
    entry<&f::fd_sync>("fd_sync"),
    entry<&f::fd_tell>("fd_tell"),
    entry<&f::fd_write>("fd_write"),
    entry<&f::path_create_directory>("path_create_directory"),
    entry<&f::path_filestat_get>("path_filestat_get"),
    entry<&f::path_filestat_set_times>("path_filestat_set_times"),
    entry<&f::path_link>("path_link"),
    entry<&f::path_open>("path_open"),
    entry<&f::path_readlink>("path_readlink"),
    entry<&f::path_remove_directory>("path_remove_directory"),
    entry<&f::path_rename>("path_rename"),
    entry<&f::path_symlink>("path_symlink"),
    entry<&f::path_unlink_file>("path_unlink_file"),
    entry<&f::poll_oneoff>("poll_oneoff"),
    entry<&f::proc_exit>("proc_exit"),
    entry<&f::proc_raise>("proc_raise"),
    entry<&f::random_get>("random_get"),
    entry<&f::sched_yield>("sched_yield"),
    entry<&f::sock_accept>("sock_accept"),
    entry<&f::sock_recv>("sock_recv"),
    entry<&f::sock_send>("sock_send"),
    entry<&f::sock_shutdown>("sock_shutdown"),
};

// sock_accept came with preview 1.
constexpr std::size_t kSnapshot0Count = kPreview1.size() - 1;

// Preview 1's row under the old module name, with the functions that differ replaced.
constexpr HostFunction snapshot0_entry(HostFunction row) {
  if (row.name == "fd_filestat_get") row = entry<&f::snapshot0::fd_filestat_get>(row.name);
  if (row.name == "path_filestat_get") row = entry<&f::snapshot0::path_filestat_get>(row.name);
  if (row.name == "fd_seek") row = entry<&f::snapshot0::fd_seek>(row.name);
  if (row.name == "poll_oneoff") row = entry<&f::snapshot0::poll_oneoff>(row.name);
  row.module = kSnapshot0Module;
  return row;
}

constexpr auto kBoth = [] {
  std::array<HostFunction, kPreview1.size() + kSnapshot0Count> all{};
  auto next = std::copy(kPreview1.begin(), kPreview1.end(), all.begin());
  for (const HostFunction& row : kPreview1) {
    if (row.name != "sock_accept") *next++ = snapshot0_entry(row);
  }
  return all;
}();

}  // namespace

std::span<const HostFunction> preview1_functions() {
  return std::span(kBoth).first(kPreview1.size());
}

std::span<const HostFunction> snapshot0_functions() {
  return std::span(kBoth).subspan(kPreview1.size());
}

std::span<const HostFunction> host_functions() {
  static const std::vector<HostFunction> all = [] {
    std::vector<HostFunction> functions(kBoth.begin(), kBoth.end());
    const auto more = emscripten_functions();
    functions.insert(functions.end(), more.begin(), more.end());
    return functions;
  }();
  return all;
}

}  // namespace godwit::wasi
