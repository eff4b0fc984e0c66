#include "observe/process_stats.h"

#include <array>
#include <charconv>
#include <ctime>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace godwit::observe {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Field `number` of proc(5), stat; the first is 1. The name, field 2, may hold blanks and brackets.
std::uint64_t stat_field(std::string_view line, int number) {
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  line.remove_prefix(name_end + 1);
  for (int field = 3; field <= number; ++field) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return 0;
    line.remove_prefix(begin);
    if (field < number) line.remove_prefix(std::min(line.find(' '), line.size()));
  }
  std::uint64_t value = 0;
  std::from_chars(line.data(), line.data() + line.size(), value);
  return value;
}

constexpr int kThreadsField = 20;
constexpr int kStartField = 22;     // in ticks since the machine started
constexpr int kVirtualField = 23;   // bytes
constexpr int kResidentField = 24;  // pages

}  // namespace

ProcessStats::ProcessStats()
    : stat_(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)),
      folder_(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      booted_seconds_(seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME)) {}

std::uint64_t ProcessStats::count_fds() const {
  // struct linux_dirent64, whose fixed part getdents64(2) describes; its names are not needed.
  alignas(dirent64) std::array<char, 4096> buffer;
  std::uint64_t count = 0;
  if (::lseek(folder_.get(), 0, SEEK_SET) != 0) return 0;
  while (true) {
    const ssize_t size = ::getdents64(folder_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (ssize_t at = 0; at < size;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      if (entry->d_name[0] != '.') ++count;
      at += entry->d_reclen;
    }
  }
  return count;
}

ProcessFigures ProcessStats::read() const {
  ProcessFigures figures;
  figures.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
  figures.open_fds = count_fds();
  std::array<char, 1024> buffer;
  const ssize_t size = ::pread(stat_.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return figures;
  const std::string_view line(buffer.data(), static_cast<std::size_t>(size));
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  figures.threads = stat_field(line, kThreadsField);
  figures.virtual_memory_bytes = stat_field(line, kVirtualField);
  figures.resident_memory_bytes =
      stat_field(line, kResidentField) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  figures.start_time_seconds =
      booted_seconds_ + static_cast<double>(stat_field(line, kStartField)) / ticks;
  return figures;
}

}  // namespace godwit::observe
