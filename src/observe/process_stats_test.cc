#include "observe/process_stats.h"

#include <ctime>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

namespace godwit::observe {
namespace {

TEST(ProcessStats, ArePlausible) {
  const ProcessFigures figures = ProcessStats().read();
  EXPECT_GT(figures.resident_memory_bytes, 100'000u);
  EXPECT_GT(figures.virtual_memory_bytes, figures.resident_memory_bytes);
  EXPECT_GT(figures.cpu_seconds, 0);
  EXPECT_GE(figures.threads, 1u);
  const auto now = static_cast<double>(::time(nullptr));
  EXPECT_LE(figures.start_time_seconds, now + 2);
  EXPECT_GT(figures.start_time_seconds, now - 3600) << "this test runs for no hour";
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(figures.max_fds, limit.rlim_cur);
}

TEST(ProcessStats, MoveWithTheProcess) {
  const ProcessStats stats;
  const ProcessFigures before = stats.read();
  std::vector<Fd> files;
  for (int i = 0; i < 300; ++i) files.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  void* const memory =
      ::mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ProcessFigures during;
  std::thread([&] { during = stats.read(); }).join();
  EXPECT_EQ(during.open_fds, before.open_fds + 300);
  EXPECT_GE(during.virtual_memory_bytes, before.virtual_memory_bytes + kBytes);
  EXPECT_GE(during.threads, before.threads + 1);  // sanitizers may start one of their own
  EXPECT_GE(during.cpu_seconds, before.cpu_seconds);
  ::munmap(memory, kBytes);
  files.clear();
  EXPECT_EQ(stats.read().open_fds, before.open_fds);
}

}  // namespace
}  // namespace godwit::observe
