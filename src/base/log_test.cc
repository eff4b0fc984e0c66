#include "base/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "base/bytes.h"
#include "base/fd.h"

namespace godwit {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    reader = Fd(fds[0]);
    writer = Fd(fds[1]);
  }
  // What is there now, without waiting for more.
  std::string read_ready() const {
    std::string text;
    std::array<char, 65536> buffer;
    pollfd ready{reader.get(), POLLIN, 0};
    while (::poll(&ready, 1, 0) > 0) {
      const ssize_t got = ::read(reader.get(), buffer.data(), buffer.size());
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  // Until all writers are gone.
  std::string read_all() const {
    std::string text;
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t got = ::read(reader.get(), buffer.data(), buffer.size());
      if (got <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  Fd reader;
  Fd writer;
};

std::string formatted(const LogOptions& options, std::string_view message,
                      std::initializer_list<LogField> fields = {}) {
  const Pipe pipe;
  LogOptions with_fd = options;
  with_fd.fd = pipe.writer.get();
  const Logger logger(with_fd);
  std::string line;
  logger.format_line(line, LogLevel::kInfo, "part", message, fields);
  return line;
}

constexpr char kTime[] = "[0-9]+-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9][.][0-9]+Z";

TEST(Log, TextForm) {
  EXPECT_THAT(formatted({}, "listening", {{"address", "127.0.0.1:8080"}, {"functions", "3"}}),
              MatchesRegex(std::string(kTime) +
                           " info part: listening address=127.0.0.1:8080 functions=3\n"));
}

TEST(Log, TextValuesAreQuotedWhereTheyMustBe) {
  EXPECT_THAT(formatted({}, "m", {{"k", "two words"}}), HasSubstr(" k=\"two words\"\n"));
  EXPECT_THAT(formatted({}, "m", {{"k", ""}}), HasSubstr(" k=\"\"\n"));
  EXPECT_THAT(formatted({}, "m", {{"k", "say \"hi\""}}), HasSubstr(" k=\"say \\\"hi\\\"\"\n"));
  EXPECT_THAT(formatted({}, "m", {{"k", "a\\b"}}), HasSubstr(" k=\"a\\\\b\"\n"));
  EXPECT_THAT(formatted({}, "m", {{"k", "plain/1.0"}}), HasSubstr(" k=plain/1.0\n"));
}

TEST(Log, JsonForm) {
  EXPECT_THAT(formatted({.format = LogFormat::kJson}, "listening \"here\"", {{"address", "a\nb"}}),
              MatchesRegex(std::string("[{]\"time\":\"") + kTime +
                           "\",\"level\":\"info\",\"part\":\"part\",\"message\":\"listening "
                           "\\\\\"here\\\\\"\",\"address\":\"a\\\\nb\"[}]\n"));
}

// A client or a guest must not be able to make a second line, or to move a terminal's cursor.
TEST(Log, OneLineStaysOneLineWhateverComes) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  const std::string attacks[] = {
      "x\n2026-01-01T00:00:00.000Z error server: forged",
      "a\r\nb",
      "\x1B[2J\x1B[1;1Hgone",
      std::string("nul\0nul", 7),
      "\x7F\x08\x08",
      every_byte,
  };
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    for (const std::string& attack : attacks) {
      const std::string line = formatted({.format = format}, attack, {{"field", attack}});
      EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
      EXPECT_EQ(line.back(), '\n');
      for (const char c : line.substr(0, line.size() - 1)) {
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)
            << "byte " << static_cast<int>(c);
      }
      if (format == LogFormat::kJson) {
        EXPECT_TRUE(is_utf8(line));
      }
    }
  }
}

// U+0080 to U+009F: a terminal takes U+009B for ESC [, a viewer U+0085 for the end of the line.
TEST(Log, C1ControlsAreControls) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = formatted({.format = format}, "m",
                                       {{"k",
                                         "a\xC2\x9B"
                                         "2Jb\xC2\x85"
                                         "c"}});
    EXPECT_EQ(line.find('\xC2'), std::string::npos) << line;
  }
}

TEST(Log, LevelsBelowTheChosenOneAreNotWritten) {
  const Pipe pipe;
  Logger logger({.level = LogLevel::kWarning, .fd = pipe.writer.get()});
  EXPECT_FALSE(logger.enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger.enabled(LogLevel::kError));
  logger.debug("p", "no-debug");
  logger.info("p", "no-info");
  logger.warning("p", "yes-warning");
  logger.error("p", "yes-error");
  logger.flush();
  const std::string text = pipe.read_ready();
  EXPECT_THAT(text, HasSubstr(" warning p: yes-warning\n"));
  EXPECT_THAT(text, HasSubstr(" error p: yes-error\n"));
  EXPECT_EQ(text.find("no-"), std::string::npos) << text;
}

TEST(Log, LevelNames) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("info"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("error"), LogLevel::kError);
  for (const std::string_view bad : {"", "INFO", "warn", "info ", "fatal"}) {
    EXPECT_EQ(parse_log_level(bad), std::nullopt) << bad;
  }
}

TEST(Log, FlushReturnsWhenEverythingIsWritten) {
  const Pipe pipe;
  Logger logger({.fd = pipe.writer.get()});
  logger.flush();  // nothing to do
  for (int i = 0; i < 10; ++i) {
    const std::string message = "line-" + std::to_string(i);
    logger.info("p", message);
    logger.flush();
    EXPECT_THAT(pipe.read_ready(), HasSubstr(message));
  }
}

TEST(Log, TheDestructorWritesWhatIsPending) {
  const Pipe pipe;
  {
    Logger logger({.fd = pipe.writer.get()});
    for (int i = 0; i < 100; ++i) logger.info("p", "last words");
  }
  const std::string text = pipe.read_ready();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
}

TEST(Log, SubmitTakesWholeLinesAndEmptiesTheBuffer) {
  const Pipe pipe;
  Logger logger({.fd = pipe.writer.get()});
  std::string lines = "one\ntwo\n";
  logger.submit(lines);
  EXPECT_TRUE(lines.empty());
  logger.submit(lines);
  logger.flush();
  EXPECT_EQ(pipe.read_ready(), "one\ntwo\n");
}

TEST(Log, LinesOfManyThreadsAreNeverMixed) {
  const Pipe pipe;
  std::string text;
  std::thread reader([&] { text = pipe.read_all(); });
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  {
    Fd writer(::dup(pipe.writer.get()));
    Logger logger({.fd = writer.get()});
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&logger, t] {
        const std::string message(40, static_cast<char>('a' + t));
        for (int i = 0; i < kLines; ++i) logger.info("p", message);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const_cast<Fd&>(pipe.writer).reset();
  reader.join();
  std::array<int, kThreads> seen{};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const std::string message = line.substr(line.rfind(' ') + 1);
    ASSERT_EQ(message, std::string(40, message[0])) << line;
    ++seen[static_cast<std::size_t>(message[0] - 'a')];
  }
  for (const int count : seen) EXPECT_EQ(count, kLines);
}

// Nobody reads stderr: whoever logs goes on, what is pending stays bounded, and when somebody
// reads again the loss is said with its number.
TEST(Log, ASlowReaderHoldsNobodyAndTheLossIsCounted) {
  const Pipe pipe;
  std::string text;
  std::uint64_t submitted = 0;
  {
    Fd writer(::dup(pipe.writer.get()));
    Logger logger({.fd = writer.get()});
    const std::string message(1000, 'm');
    // Twice what may be pending, and one batch may be on its way besides.
    const std::uint64_t lines = 4 * Logger::kMaxPendingBytes / message.size();
    for (; submitted < lines; ++submitted) logger.info("p", message);
    std::thread reader([&] { text = pipe.read_all(); });
    logger.flush();
    logger.info("p", "after");
    logger.flush();
    writer.reset();
    const_cast<Fd&>(pipe.writer).reset();
    reader.join();
  }
  const std::string notice = "lines were dropped: stderr is read too slowly count=";
  std::uint64_t dropped = 0;
  std::uint64_t notices = 0;
  for (std::size_t at = text.find(notice); at != std::string::npos;
       at = text.find(notice, at + 1)) {
    dropped += std::stoull(text.substr(at + notice.size()));
    ++notices;
  }
  EXPECT_GT(dropped, 0u);
  const auto written = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  EXPECT_EQ(written - notices - 1 + dropped, submitted);
  EXPECT_THAT(text, HasSubstr(" info p: after\n"));
  EXPECT_LE(text.size(), 2 * Logger::kMaxPendingBytes + 65536 + 4096);
}

// A full pipe in non-blocking mode (a shell that shares its terminal) loses nothing.
TEST(Log, ANonBlockingDescriptorIsWaitedFor) {
  const Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK), 0);
  std::string text;
  std::thread reader;
  {
    Fd writer(::dup(pipe.writer.get()));
    Logger logger({.fd = writer.get()});
    std::string lines;
    for (int i = 0; i < 2000; ++i) lines += std::string(99, 'x') + "\n";  // 200 kB, the pipe has 64
    logger.submit(lines);
    reader = std::thread([&] { text = pipe.read_all(); });
  }
  const_cast<Fd&>(pipe.writer).reset();
  reader.join();
  EXPECT_EQ(text.size(), 200'000u);
}

// stderr was closed by its reader: the lines are given up.
TEST(Log, AReaderThatIsGoneHoldsNothingUp) {
  Pipe pipe;
  const auto previous = ::signal(SIGPIPE, SIG_IGN);
  pipe.reader.reset();
  std::string lines;
  {
    Logger logger({.fd = pipe.writer.get()});
    for (int i = 0; i < 3; ++i) {
      lines = "to nobody\n";
      logger.submit(lines);
      EXPECT_TRUE(lines.empty());
      logger.flush();
    }
  }
  ::signal(SIGPIPE, previous);
  EXPECT_EQ(::write(pipe.writer.get(), "", 0), 0) << "the descriptor is the caller's";
}

// A process that ends must not wait for a terminal that was stopped (a full pipe that nobody
// reads).
TEST(Log, AReaderThatNeverReadsDoesNotKeepTheProcess) {
  const Pipe pipe;
  {
    Logger logger({.fd = pipe.writer.get()});
    const std::string message(1000, 'm');
    for (int i = 0; i < 200; ++i) logger.info("p", message);
  }
  const std::string text = pipe.read_ready();  // the destructor has returned
  EXPECT_GT(text.size(), 0u);
  EXPECT_LT(text.size(), 200'000u) << "the pipe was not full: this proves nothing";
}

// A path or a guest's line that looks like our own fields.
TEST(Log, AMessageCannotPassForAField) {
  EXPECT_THAT(formatted({}, "GET /x status=200", {{"status", "404"}}),
              HasSubstr(" part: \"GET /x status=200\" status=404\n"));
  EXPECT_THAT(formatted({}, "say \"hi\""), HasSubstr(" part: \"say \\\"hi\\\"\"\n"));
}

}  // namespace
}  // namespace godwit
