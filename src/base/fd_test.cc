#include "base/fd.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace godwit {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

int new_fd() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_GE(fd, 0);
  return fd;
}

TEST(Fd, ClosesOnce) {
  const int number = new_fd();
  {
    const Fd fd(number);
    EXPECT_TRUE(fd.valid());
    EXPECT_EQ(fd.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, ResetClosesAndASecondResetDoesNothing) {
  const int number = new_fd();
  Fd fd(number);
  fd.reset();
  EXPECT_FALSE(fd.valid());
  EXPECT_FALSE(is_open(number));
  const int reused = new_fd();  // the kernel gives the lowest free number
  ASSERT_EQ(reused, number);
  fd.reset();
  EXPECT_TRUE(is_open(reused)) << "somebody else's descriptor was closed";
  ::close(reused);
}

TEST(Fd, ReleaseHandsTheDescriptorOver) {
  Fd fd(new_fd());
  const int number = fd.release();
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(Fd, MovingLeavesAnInvalidOneBehind) {
  const int number = new_fd();
  Fd from(number);
  Fd to(std::move(from));
  EXPECT_FALSE(from.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(to.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(Fd, AssigningClosesWhatWasThere) {
  const int first = new_fd();
  const int second = new_fd();
  Fd fd(first);
  fd = Fd(second);
  EXPECT_FALSE(is_open(first));
  EXPECT_EQ(fd.get(), second);
  EXPECT_TRUE(is_open(second));
}

TEST(Fd, SelfAssignmentKeepsIt) {
  const int number = new_fd();
  Fd fd(number);
  Fd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(is_open(number));
  EXPECT_EQ(fd.get(), number);
}

TEST(Fd, NothingIsInvalid) {
  Fd fd;
  EXPECT_FALSE(fd.valid());
  EXPECT_EQ(fd.get(), -1);
  fd.reset();
}

}  // namespace
}  // namespace godwit
