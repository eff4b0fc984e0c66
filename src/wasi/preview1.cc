#include "wasi/preview1.h"

#include <utility>

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
  Fd number{};
  const auto open = [&](Descriptor&& descriptor) {
    const Errno error = descriptors_.add(std::move(descriptor), number);
    CHECK(error == Errno::kSuccess);  // who configures bounds how many
  };
  open({.input = options.standard_input, .rights = kStreamRights | right::kFdRead});
  open({.output = options.standard_output, .rights = kStreamRights | right::kFdWrite});
  open({.output = options.standard_error, .rights = kStreamRights | right::kFdWrite});
  if (options.devices == Devices::kStdio) {
    // wasi-libc opens below a folder only what the folder says its files may do.
    open({.device_folder = true,
          .rights = right::kPathOpen | right::kPathFilestatGet | right::kFdFilestatGet,
          .inheriting = ~std::uint64_t{0}});
  }
  CHECK(options.files.empty() || options.blocking != nullptr);
  for (const capability::FileGrant& grant : options.files) {
    open({.grant = &grant,
          .rights = right::kOfFolders,
          .inheriting = right::kOfFolders | right::kOfFiles});
  }
}

Preview1::~Preview1() {
  stop_waiting();
  if (options_.blocking == nullptr) return;
  if (operation_ != nullptr) options_.blocking->cancel();
  descriptors_.for_each([this](Descriptor& each) {
    if (each.file != nullptr) close(each);
  });
}

bool Preview1::rest() {
  stop_waiting();
  work_ns_ = 0;
  return operation_ == nullptr;
}

void Preview1::bind(const Options& options) {
  // Whatever was opened of the streams that were, /dev/stdout for instance, is of those that are.
  descriptors_.for_each([&](Descriptor& each) {
    if (each.input != nullptr) each.input = options.standard_input;
    if (each.output == options_.standard_output) {
      each.output = options.standard_output;
    } else if (each.output != nullptr) {
      each.output = options.standard_error;
    }
  });
  options_ = options;
}

void Preview1::close(Descriptor& descriptor) {
  if (descriptor.file != nullptr && descriptor.file->closing_may_block()) {
    options_.blocking->dispose(std::move(descriptor.file));
  }
  descriptor = {};
}

const std::shared_ptr<capability::Folder>& Preview1::folder(Descriptor& descriptor) {
  if (descriptor.folder == nullptr) descriptor.folder = descriptor.grant->source->root();
  return descriptor.folder;
}

const std::shared_ptr<TransferBuffer>& Preview1::transfer_buffer(std::size_t size) {
  if (transfer_buffer_ == nullptr || transfer_buffer_->size < size) {
    transfer_buffer_ = std::make_shared<TransferBuffer>(
        TransferBuffer{std::make_unique_for_overwrite<std::byte[]>(size), size});
  }
  return transfer_buffer_;
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
  return descriptors_.add(std::move(device), opened);
}

bool Preview1::wait_for(capability::InputStream& stream) {
  waiting_ = waiting_for_stream_ = true;
  return stream.wait_readable(options_.waker);
}

bool Preview1::wait_for(capability::OutputStream& stream) {
  waiting_ = waiting_for_stream_ = true;
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
  progress_ = {};
  // A component's streams are waited for by its ComponentHost, beside its calls.
  if (std::exchange(waiting_for_stream_, false)) {
    options_.standard_input->cancel_wait();
    options_.standard_output->cancel_wait();
    options_.standard_error->cancel_wait();
  }
  if (timer_ != capability::TimerId::kNone) options_.timers->cancel(timer_);
  timer_ = capability::TimerId::kNone;
}

}  // namespace godwit::wasi
