// BodyPipe against a model that is a string: random calls on both sides give the same answers.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "http/body_pipe.h"

namespace godwit::http {
namespace {

constexpr BodyPipe::Options kSmall{.high_bytes = 6000, .low_bytes = 1500};

class FlagWaker final : public Waker {
 public:
  void wake() noexcept override { woken = true; }
  bool woken = false;
  bool waiting = false;
};

enum class Call { kWrite, kPrepare, kCommit, kConsume, kWaitRead, kWaitWrite, kPeek, kEnd };

// What a pipe is, told in the simplest way.
class Model {
 public:
  explicit Model(BodyPipe::Options options) : options_(options), pipe_(options) {}

  void step(Call call, std::size_t amount) {
    switch (call) {
      case Call::kWrite: write(amount); break;
      case Call::kPrepare: prepare(amount); break;
      case Call::kCommit: commit(amount); break;
      case Call::kConsume: consume(amount); break;
      case Call::kWaitRead: wait(reader_, &BodyPipe::wait_readable); break;
      case Call::kWaitWrite: wait(writer_, &BodyPipe::wait_writable); break;
      case Call::kPeek: peek(); break;
      case Call::kEnd: end(amount); break;
    }
    check();
  }

 private:
  std::string make(std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(next_byte_++ % 251);
    return text;
  }
  bool closed() const { return finished_ || aborted_ || abandoned_; }
  bool narrow() const { return pipe_.width() == BodyPipe::Width::kNarrow; }
  std::size_t high() const {
    return narrow() ? std::min(options_.high_bytes, BodyPipe::kNarrowHighBytes)
                    : options_.high_bytes;
  }
  std::size_t low() const {
    return narrow() ? std::min(options_.low_bytes, BodyPipe::kNarrowLowBytes) : options_.low_bytes;
  }
  std::size_t room() const {
    return closed() || queue_.size() > high() ? 0 : high() - queue_.size();
  }

  void write(std::size_t amount) {
    const std::string text = make(amount);
    const std::size_t room = this->room();
    RC_ASSERT(pipe_.write(as_bytes(text)) == std::min(room, amount));
    accept(text.substr(0, std::min(room, amount)));
    region_ = {};
  }
  void prepare(std::size_t amount) {
    region_ = pipe_.prepare(amount);
    const std::size_t room = this->room();
    RC_ASSERT(region_.size() <= std::min(room, amount));
    RC_ASSERT(region_.empty() == (std::min(room, amount) == 0));
  }
  void commit(std::size_t amount) {
    const std::string text = make(std::min(amount, region_.size()));
    if (!text.empty()) std::memcpy(region_.data(), text.data(), text.size());
    pipe_.commit(text.size());
    if (!closed()) accept(text);
    region_ = {};
  }
  void accept(const std::string& text) {
    queue_ += text;
    total_ += text.size();
    if (!text.empty()) expect_wake(reader_);
  }
  void consume(std::size_t amount) {
    const std::size_t count = std::min(amount, queue_.size());
    pipe_.consume(count);
    queue_.erase(0, count);
    if (queue_.size() <= low()) expect_wake(writer_);
  }
  void wait(FlagWaker& waker, void (BodyPipe::*register_waker)(Waker&)) {
    (pipe_.*register_waker)(waker);
    waker.waiting = true;
    const bool ready = &waker == &reader_ ? !queue_.empty() : queue_.size() <= low();
    if (ready || closed()) expect_wake(waker);
  }
  void peek() {
    std::vector<ByteSpan> spans(10);
    spans.resize(pipe_.peek(spans));
    std::string joined;
    for (const ByteSpan& span : spans) joined += as_text(span);
    RC_ASSERT(joined == queue_);
  }
  void end(std::size_t amount) {
    // Endings are rare, else every run would end with its first calls.
    switch (amount % 50) {
      case 0: pipe_.finish(), finished_ |= !aborted_; break;
      case 1: pipe_.abort(ErrorCode::kInternal), aborted_ |= !finished_; break;
      case 2: pipe_.abandon(), abandoned_ = true, queue_.clear(); break;
      case 3:
        pipe_.reset();
        finished_ = aborted_ = abandoned_ = false;
        queue_.clear();
        total_ = 0;
        region_ = {};
        reader_ = writer_ = FlagWaker();
        return;
      case 4:
      case 5:
      case 6: return pipe_.set_width(BodyPipe::Width::kNarrow);
      case 7:
      case 8:
      case 9:
        pipe_.set_width(BodyPipe::Width::kFull);
        if (queue_.size() <= low()) expect_wake(writer_);
        return;
      default: return;
    }
    expect_wake(reader_);
    expect_wake(writer_);
  }
  static void expect_wake(FlagWaker& waker) {
    RC_ASSERT(waker.woken == waker.waiting);
    waker.woken = waker.waiting = false;
  }
  void check() const {
    RC_ASSERT(!reader_.woken);
    RC_ASSERT(!writer_.woken);
    RC_ASSERT(pipe_.size() == queue_.size());
    RC_ASSERT(pipe_.total_written() == total_);
    RC_ASSERT(pipe_.abandoned() == abandoned_);
    RC_ASSERT(pipe_.aborted() == aborted_);
    RC_ASSERT(pipe_.at_end() == (finished_ && queue_.empty()));
    RC_ASSERT(pipe_.writable_bytes() == room());
    const std::string_view front = as_text(pipe_.peek());
    RC_ASSERT(queue_.starts_with(front));
    RC_ASSERT(front.empty() == queue_.empty());
  }

  const BodyPipe::Options options_;
  BodyPipe pipe_;
  std::string queue_;
  std::uint64_t total_ = 0;
  std::size_t next_byte_ = 0;
  MutableByteSpan region_;
  FlagWaker reader_;
  FlagWaker writer_;
  bool finished_ = false;
  bool aborted_ = false;
  bool abandoned_ = false;
};

void run(BodyPipe::Options options, int largest) {
  const auto calls = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::inRange(0, largest)));
  Model model(options);
  // The generated list is short; going round it a few times crosses the watermarks.
  for (int round = 0; round < 4; ++round) {
    for (const auto& [call, amount] : calls) {
      model.step(static_cast<Call>(call), static_cast<std::size_t>(amount));
    }
  }
}

RC_GTEST_PROP(BodyPipeProperty, SmallPipeIsItsModel, ()) { run(kSmall, 1200); }
RC_GTEST_PROP(BodyPipeProperty, FullSizePipeIsItsModel, ()) { run({}, 20000); }

}  // namespace
}  // namespace godwit::http
