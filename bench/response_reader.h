// ResponseReader: finds the end of an HTTP/1.1 response in the bytes of a connection, as far as a
// load generator must: status, framing, Retry-After. Bodies are counted, not kept.
//
//   ResponseReader reader;
//   while (reader.feed(received) == ResponseReader::State::kMore) received = …;
//   use(reader.status());
//   reader.next();
//
// Not thread-safe. It trusts the server that it measures as little as it must: nothing grows beyond
// the head's limit, and what is not understood is kBroken.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace godwit::bench {

class ResponseReader final {
 public:
  enum class State : std::uint8_t { kMore, kComplete, kBroken };

  // All of `data` belongs to this response (nothing is pipelined); more is kBroken.
  State feed(std::string_view data) {
    body_bytes_ += data.size();
    if (!head_done_) {
      head_.append(data);
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return head_.size() > kMaxHeadBytes ? broken() : State::kMore;
      const std::string rest = head_.substr(end + 4);
      head_.resize(end + 2);
      head_done_ = true;
      if (!read_head()) return broken();
      return body(rest);
    }
    return body(data);
  }

  // The other side has closed. True when that is the end of the response, not a break.
  bool closed() const { return head_done_ && framing_ == Framing::kClose; }

  void next() { *this = ResponseReader(); }

  int status() const { return status_; }
  bool closes() const { return closes_; }
  bool has_retry_after() const { return has_retry_after_; }
  // Whether anything has come.
  bool begun() const { return body_bytes_ != 0; }

 private:
  enum class Framing : std::uint8_t { kLength, kChunked, kClose };
  static constexpr std::size_t kMaxHeadBytes = 64 << 10;
  static constexpr std::size_t kMaxLineBytes = 1 << 10;

  State broken() {
    broken_ = true;
    return State::kBroken;
  }

  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

  // The value of a field; empty without it.
  std::string field(std::string_view name) const {
    std::size_t at = head_.find("\r\n");
    while (at != std::string::npos && at + 2 < head_.size()) {
      const std::size_t begin = at + 2;
      const std::size_t end = head_.find("\r\n", begin);
      const std::string_view line = std::string_view(head_).substr(begin, end - begin);
      const std::size_t colon = line.find(':');
      bool same = colon == name.size();
      for (std::size_t i = 0; same && i < colon; ++i) same = lower(line[i]) == name[i];
      if (same) {
        std::string value;
        for (const char c : line.substr(colon + 1)) {
          if (c != ' ' || !value.empty()) value += lower(c);
        }
        return value.empty() ? " " : value;
      }
      at = end;
    }
    return {};
  }

  bool read_head() {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    const std::string_view head = head_;
    if (!head.starts_with(kVersion) || head.size() < kVersion.size() + 3) return false;
    std::from_chars(head.data() + kVersion.size(), head.data() + kVersion.size() + 3, status_);
    if (status_ < 200 || status_ > 599) return false;
    closes_ = field("connection") == "close";
    has_retry_after_ = !field("retry-after").empty();
    const std::string length = field("content-length");
    if (status_ == 204 || status_ == 304) {
      framing_ = Framing::kLength;
    } else if (field("transfer-encoding") == "chunked") {
      framing_ = Framing::kChunked;
    } else if (!length.empty()) {
      framing_ = Framing::kLength;
      const auto [end, error] =
          std::from_chars(length.data(), length.data() + length.size(), left_);
      return error == std::errc() && end == length.data() + length.size();
    } else {
      framing_ = Framing::kClose;
    }
    return true;
  }

  State body(std::string_view data) {
    if (broken_) return State::kBroken;
    if (framing_ == Framing::kClose) return State::kMore;
    if (framing_ == Framing::kChunked) return chunks(data);
    if (data.size() > left_) return broken();
    left_ -= data.size();
    return left_ == 0 ? State::kComplete : State::kMore;
  }

  State chunks(std::string_view data) {
    while (!data.empty()) {
      if (left_ != 0) {  // of a chunk and the line end behind it
        const std::uint64_t taken = data.size() < left_ ? data.size() : left_;
        left_ -= taken;
        data.remove_prefix(taken);
        continue;
      }
      const std::size_t end = data.find('\n');
      line_.append(data.substr(0, end));
      if (end == std::string_view::npos) {
        return line_.size() > kMaxLineBytes ? broken() : State::kMore;
      }
      data.remove_prefix(end + 1);
      if (in_trailer_) {
        const bool last = line_ == "\r";
        line_.clear();
        if (last) return data.empty() ? State::kComplete : broken();
        continue;
      }
      std::uint64_t size = 0;
      const auto [at, error] = std::from_chars(line_.data(), line_.data() + line_.size(), size, 16);
      if (error != std::errc() || at == line_.data() || size > (1ULL << 60)) return broken();
      line_.clear();
      if (size == 0) in_trailer_ = true;
      if (size != 0) left_ = size + 2;
    }
    return State::kMore;
  }

  std::string head_;
  std::string line_;
  std::uint64_t left_ = 0;
  std::uint64_t body_bytes_ = 0;
  Framing framing_ = Framing::kClose;
  int status_ = 0;
  bool head_done_ = false;
  bool in_trailer_ = false;
  bool closes_ = false;
  bool has_retry_after_ = false;
  bool broken_ = false;
};

}  // namespace godwit::bench
