#include "wasi/preview1.h"

#include "base/check.h"

namespace godwit::wasi {
namespace {

// Without the rights to seek and tell: that, and a file type that is no character device, is how
// wasi-libc, Rust and Go tell that this is a pipe and no terminal (preview1 has no type for pipes).
constexpr std::uint64_t kStreamRights =
    right::kFdFdstatSetFlags | right::kFdFilestatGet | right::kPollFdReadwrite;

}  // namespace

Preview1::Preview1(const Options& options) : options_(options) {
  CHECK(options.arguments && options.environment && options.standard_input &&
        options.standard_output && options.standard_error && options.clock && options.random &&
        options.timers && options.waker);
  started_ = options.clock->now();
  descriptors_[0] = {.input = options.standard_input, .rights = kStreamRights | right::kFdRead};
  descriptors_[1] = {.output = options.standard_output, .rights = kStreamRights | right::kFdWrite};
  descriptors_[2] = {.output = options.standard_error, .rights = kStreamRights | right::kFdWrite};
}

Descriptor* Preview1::descriptor(Fd fd) {
  const auto number = static_cast<std::uint32_t>(fd);
  if (number >= descriptors_.size() || !descriptors_[number].open()) return nullptr;
  return &descriptors_[number];
}

bool Preview1::wait_for(capability::InputStream& stream) {
  waiting_ = true;
  return stream.wait_readable(options_.waker);
}

bool Preview1::wait_for(capability::OutputStream& stream) {
  waiting_ = true;
  return stream.wait_writable(options_.waker);
}

void Preview1::wait_until(TimePoint deadline) {
  waiting_ = true;
  timer_ = options_.timers->arm(deadline, options_.waker);
}

void Preview1::stop_waiting() {
  if (!waiting_) return;
  waiting_ = false;
  poll_began_.reset();
  options_.standard_input->cancel_wait();
  options_.standard_output->cancel_wait();
  options_.standard_error->cancel_wait();
  if (timer_ != capability::TimerId::kNone) options_.timers->cancel(timer_);
  timer_ = capability::TimerId::kNone;
}

}  // namespace godwit::wasi
