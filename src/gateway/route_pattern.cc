#include "gateway/route_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "http/ascii.h"

namespace godwit::gateway {
namespace {

constexpr std::size_t kShownBytes = 200;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Fit for a log line, whatever a file holds.
std::string quoted(std::string_view text) {
  const std::string_view start = text.substr(0, kShownBytes);
  const std::string_view shown = start.substr(0, utf8_prefix(start));
  std::string out = "\"";
  for (const char c : shown) {
    if (is_control(c)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + (shown.size() < text.size() ? "…\"" : "\"");
}

tl::unexpected<Error> bad(std::string_view pattern, std::string_view why) {
  return fail(ErrorCode::kConfigBadValue, fmt::format("route {}: {}", quoted(pattern), why));
}

// The decoded text, or the text itself when an escape is malformed, as ServeMux does it.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = text.size() - i > 2 ? http::hex_value(text[i + 1]) : -1;
    const int low = text.size() - i > 2 ? http::hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::string(text);
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Has "." or ".." between slashes, which no request that we accept has.
bool has_dot_segment(std::string_view text) {
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    const std::string_view part = text.substr(start, end - start);
    if (part == "." || part == "..") return true;
    start = end + 1;
  }
  return false;
}

std::string_view why_bad_literal(std::string_view literal) {
  if (literal.empty()) return "the path has an empty segment (//), which no request matches";
  if (has_dot_segment(literal)) return "no request with a . or .. segment is accepted";
  if (literal.find('\0') != std::string_view::npos) return "no request with %00 is accepted";
  if (!is_utf8(literal)) return "it does not decode to UTF-8, so no request matches";
  return {};
}

std::string_view why_bad_host(std::string_view host) {
  if (host.find('{') != std::string_view::npos) {
    return "the host holds a { (is the / before it missing?)";
  }
  const bool literal_address = host.starts_with('[');
  if (literal_address) {
    if (!host.ends_with(']')) return "the host is no IPv6 address in brackets, without a port";
    host = host.substr(1, host.size() - 2);
    if (host.empty()) return "the host is no IPv6 address in brackets";
  } else if (host.find(':') != std::string_view::npos) {
    return "the host has a port; hosts are compared without it";
  }
  const std::string_view allowed = literal_address ? ":." : "-._~";
  const bool plain = std::all_of(host.begin(), host.end(), [&](char c) {
    return http::is_alpha(c) || http::is_digit(c) || allowed.find(c) != std::string_view::npos;
  });
  return plain ? std::string_view() : "the host is not a host name";
}

bool is_identifier(std::string_view name) {
  return !name.empty() && !http::is_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return http::is_alpha(c) || http::is_digit(c) || c == '_'; });
}

std::string variable_of(std::string_view name) {
  std::string variable = "PATH_PARAM_";
  for (const char c : name) {
    variable += http::is_alpha(c) ? static_cast<char>(http::to_lower(c) - 32) : c;
  }
  return variable;
}

// One segment that holds a '{'. `last`: nothing follows it, not even a slash.
Result<PatternSegment> parse_wildcard(std::string_view segment, bool last,
                                      std::span<const PatternSegment> before) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::kConfigBadValue, fmt::format("the segment {} {}", quoted(segment), why));
  };
  if (!segment.starts_with('{'))
    return wrong("has text before its {; a wildcard is a whole segment");
  if (!segment.ends_with('}')) return wrong("does not end with }; a wildcard is a whole segment");
  std::string_view name = segment.substr(1, segment.size() - 2);
  if (name == "$") {
    if (!last) return wrong("is not at the end");
    return PatternSegment{SegmentKind::kEnd, {}};
  }
  const bool rest = name.ends_with("...");
  if (rest) {
    if (!last) return wrong("is not at the end, where a ... wildcard belongs");
    name.remove_suffix(3);
  }
  if (name.empty()) return wrong("has no name");
  if (!is_identifier(name)) {
    return wrong("has a bad name; write letters, digits and underscores, no digit first");
  }
  std::string variable = variable_of(name);
  for (const PatternSegment& other : before) {
    if (other.kind != SegmentKind::kWildcard || other.text != variable) continue;
    return wrong(fmt::format("repeats a name; both would be the variable {}", variable));
  }
  return PatternSegment{rest ? SegmentKind::kRest : SegmentKind::kWildcard, std::move(variable)};
}

Result<std::vector<PatternSegment>> parse_path(std::string_view path) {
  std::vector<PatternSegment> segments;
  while (!path.empty()) {
    if (segments.size() == kMaxPatternSegments) {
      return fail(ErrorCode::kConfigBadValue,
                  fmt::format("the path has more than {} segments", kMaxPatternSegments));
    }
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    const bool last = path.empty();
    if (segment.empty() && last) {
      segments.push_back({SegmentKind::kRest, {}});
    } else if (segment.find('{') != std::string_view::npos) {
      auto wildcard = parse_wildcard(segment, last, segments);
      if (!wildcard) return fail(std::move(wildcard.error()));
      segments.push_back(std::move(*wildcard));
    } else {
      PatternSegment literal{SegmentKind::kLiteral, unescaped(segment)};
      if (const auto why = why_bad_literal(literal.text); !why.empty()) {
        return fail(ErrorCode::kConfigBadValue, std::string(why));
      }
      segments.push_back(std::move(literal));
    }
  }
  return segments;
}

// --- Two patterns as sets of requests -----------------------------------------------------------
// A pattern is a product of sets: of methods times of first segments times …, none of them empty.
// So one covers the other when each of its factors does, and they meet when all factors meet.

struct Comparison {
  bool first_covers = true;   // everything in the second is in the first
  bool second_covers = true;  // and the other way round
  bool meet = true;           // something is in both
};

void narrow(Comparison& all, Comparison factor) {
  all.first_covers &= factor.first_covers;
  all.second_covers &= factor.second_covers;
  all.meet &= factor.meet;
}

bool method_covers(std::string_view method, std::string_view other) {
  return method.empty() || method == other || (method == "GET" && other == "HEAD");
}

Comparison compare_methods(std::string_view first, std::string_view second) {
  const bool first_covers = method_covers(first, second);
  const bool second_covers = method_covers(second, first);
  return {first_covers, second_covers, first_covers || second_covers};
}

// Of neither kRest.
Comparison compare_segments(const PatternSegment& first, const PatternSegment& second) {
  const bool end = first.kind == SegmentKind::kEnd;
  if (end || second.kind == SegmentKind::kEnd) {
    const bool both = first.kind == second.kind;
    return {both, both, both};
  }
  const bool same_text = first.kind == second.kind && first.text == second.text;
  const bool first_covers = first.kind == SegmentKind::kWildcard || same_text;
  const bool second_covers = second.kind == SegmentKind::kWildcard || same_text;
  return {first_covers, second_covers, first_covers || second_covers};
}

Comparison compare_paths(std::span<const PatternSegment> first,
                         std::span<const PatternSegment> second) {
  Comparison all;
  const std::size_t common = std::min(first.size(), second.size());
  for (std::size_t i = 0; i < common && all.meet; ++i) {
    const bool first_rest = first[i].kind == SegmentKind::kRest;
    const bool second_rest = second[i].kind == SegmentKind::kRest;
    if (first_rest || second_rest) {  // it takes all that the other may still have
      narrow(all, {first_rest, second_rest, true});
      return all;
    }
    narrow(all, compare_segments(first[i], second[i]));
  }
  if (first.size() != second.size()) narrow(all, {false, false, false});
  return all;
}

// A literal as it stands in a request's target, legible where it can be.
void append_escaped(std::string& out, std::string_view literal) {
  for (const char c : literal) {
    if (is_control(c) || std::string_view(" %/?#").find(c) != std::string_view::npos) {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
}

Comparison compare(const RoutePattern& first, const RoutePattern& second) {
  Comparison all = compare_methods(first.method(), second.method());
  narrow(all, compare_paths(first.segments(), second.segments()));
  return all;
}

}  // namespace

Result<RoutePattern> RoutePattern::parse(std::string_view text) {
  if (text.empty()) return bad(text, "it is empty; the shortest pattern is /");
  if (text.size() > kMaxPatternBytes) {
    return bad(text, fmt::format("it is longer than {} bytes", kMaxPatternBytes));
  }
  RoutePattern pattern;
  pattern.text_ = text;
  std::string_view rest = text;
  if (const std::size_t blank = text.find_first_of(" \t"); blank != std::string_view::npos) {
    pattern.method_ = text.substr(0, blank);
    rest.remove_prefix(std::min(text.find_first_not_of(" \t", blank), text.size()));
    if (blank != 0 && !http::is_token(pattern.method_)) {
      return bad(text, fmt::format("{} is no method", quoted(pattern.method_)));
    }
  }
  if (std::any_of(rest.begin(), rest.end(), is_control) || !is_utf8(rest)) {
    return bad(text, "it holds a control character or is not UTF-8; write %XX instead");
  }
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return bad(text, "it has no path; a path begins with /");
  const std::string_view host = rest.substr(0, slash);
  if (const auto why = why_bad_host(host); !why.empty()) return bad(text, why);
  pattern.host_.resize(host.size());
  std::transform(host.begin(), host.end(), pattern.host_.begin(), http::to_lower);
  auto segments = parse_path(rest.substr(slash));
  if (!segments) return bad(text, segments.error().detail);
  pattern.segments_ = std::move(*segments);
  return pattern;
}

RoutePattern RoutePattern::exactly(std::string_view path) {
  CHECK(path.starts_with('/'), path);
  RoutePattern pattern;
  pattern.text_ = path;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    pattern.segments_.push_back({SegmentKind::kLiteral, std::string(segment)});
  }
  if (pattern.segments_.back().text.empty()) {
    pattern.segments_.back().kind = SegmentKind::kEnd;
    pattern.text_ += "{$}";
  }
  CHECK(pattern.segments_.size() < kMaxPatternSegments, pattern.text_);
  return pattern;
}

RoutePattern RoutePattern::below(std::string_view path) {
  RoutePattern pattern = exactly(path);
  pattern.text_ = std::string(path) + "/";
  pattern.segments_.push_back({SegmentKind::kRest, {}});
  return pattern;
}

Result<std::vector<RoutePattern>> parse_routes(const manifest::FunctionSpec& spec) {
  std::vector<RoutePattern> patterns;
  for (const manifest::PlacedText& route : spec.routes) {
    const auto placed = [&](std::string_view detail) {
      return fail(ErrorCode::kConfigBadValue, fmt::format("{}: {}", route.place, detail));
    };
    if (patterns.size() == kMaxPatterns) {
      return placed(fmt::format("more than {} routes of one function", kMaxPatterns));
    }
    auto pattern = RoutePattern::parse(route.text);
    if (!pattern) return placed(pattern.error().detail);
    patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

Relation relation(const RoutePattern& first, const RoutePattern& second) {
  const Comparison all = compare(first, second);
  const bool same_host = first.host() == second.host();
  if (!all.meet || (!same_host && !first.host().empty() && !second.host().empty())) {
    return Relation::kDisjoint;
  }
  if (!same_host) return first.host().empty() ? Relation::kMoreGeneral : Relation::kMoreSpecific;
  if (all.first_covers && all.second_covers) return Relation::kEqual;
  if (all.first_covers) return Relation::kMoreGeneral;
  return all.second_covers ? Relation::kMoreSpecific : Relation::kOverlap;
}

bool in_conflict(const RoutePattern& first, const RoutePattern& second) {
  const Relation how = relation(first, second);
  return how == Relation::kEqual || how == Relation::kOverlap;
}

std::string common_request(const RoutePattern& first, const RoutePattern& second) {
  CHECK(relation(first, second) != Relation::kDisjoint, first.text(), second.text());
  // The narrower of two methods; without any, GET is as good as another.
  const bool second_narrower = method_covers(first.method(), second.method());
  std::string request = second_narrower ? second.method() : first.method();
  if (request.empty()) request = "GET";
  request += ' ';
  request += first.host().empty() ? second.host() : first.host();
  const std::span<const PatternSegment> a = first.segments();
  const std::span<const PatternSegment> b = second.segments();
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    request += '/';
    if (i < a.size() && a[i].kind == SegmentKind::kLiteral) {
      append_escaped(request, a[i].text);
    } else if (i < b.size() && b[i].kind == SegmentKind::kLiteral) {
      append_escaped(request, b[i].text);
    } else if ((i < a.size() && a[i].kind == SegmentKind::kWildcard) ||
               (i < b.size() && b[i].kind == SegmentKind::kWildcard)) {
      request += 'x';
    }
  }
  return request;
}

}  // namespace godwit::gateway
