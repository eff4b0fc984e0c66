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
  if (options.devices == Devices::kStdio) {
    descriptors_[3] = {
        .device_folder = true,
        .rights = right::kPathOpen | right::kPathFilestatGet | right::kFdFilestatGet};
  }
}

Errno Preview1::open_device(std::string_view name, std::uint16_t flags, Fd& opened) {
  Descriptor device{.flags = flags};
  if (name == "stdin") {
    device.input = options_.standard_input;
    device.rights = kStreamRights | right::kFdRead;
  } else if (name == "stdout" || name == "stderr") {
    device.output = name == "stdout" ? options_.standard_output : options_.standard_error;
    device.rights = kStreamRights | right::kFdWrite;
  } else {
    return Errno::kNoent;
  }
  for (std::size_t i = 0; i < descriptors_.size(); ++i) {
    if (descriptors_[i].open()) continue;
    descriptors_[i] = device;
    opened = Fd{static_cast<std::uint32_t>(i)};
    return Errno::kSuccess;
  }
  return Errno::kMfile;
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

void Preview1::give_way() {
  waiting_ = true;
  options_.waker->wake();
}

bool Preview1::afford(std::uint64_t work_ns) {
  work_ns_ += work_ns;
  if (work_ns_ <= kSliceWorkNs) return true;
  work_ns_ = 0;
  give_way();
  return false;
}

void Preview1::stop_waiting() {
  if (!waiting_) return;
  waiting_ = false;
  poll_began_.reset();
  progress_ = 0;
  options_.standard_input->cancel_wait();
  options_.standard_output->cancel_wait();
  options_.standard_error->cancel_wait();
  if (timer_ != capability::TimerId::kNone) options_.timers->cancel(timer_);
  timer_ = capability::TimerId::kNone;
}

}  // namespace godwit::wasi
