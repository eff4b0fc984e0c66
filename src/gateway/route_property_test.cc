// Properties of patterns and of the table: precedence is about sets of requests, so it is compared
// with such sets; and what the tree finds with what the definition says.
#include <algorithm>
#include <bitset>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "gateway/route_index.h"
#include "gateway/route_table.h"
#include "gateway/test_routes.h"

namespace godwit::gateway {
namespace {

using test::Reference;

RoutePattern parsed(const std::string& text) {
  auto pattern = RoutePattern::parse(text);
  CHECK(pattern.has_value(), text);
  return std::move(*pattern);
}

// Every sequence of at most `longest` of `pieces`, each after a slash.
std::vector<std::string> sequences(const std::vector<std::string>& pieces, std::size_t longest) {
  std::vector<std::string> all = {""};
  for (std::size_t begin = 0, length = 0; length < longest; ++length) {
    const std::size_t end = all.size();
    for (; begin < end; ++begin) {
      for (const std::string& piece : pieces) all.push_back(all[begin] + "/" + piece);
    }
  }
  return all;
}

// --- Relations are those of sets ----------------------------------------------------------------

using Taken = std::bitset<1024>;  // of the requests below

struct Request {
  std::string method;
  std::string path;
};

// Large enough: one more segment than the patterns have, a literal and a method that none names.
std::vector<Request> universe() {
  std::vector<Request> requests;
  for (const std::string& path : sequences({"a", "b", "c"}, 3)) {
    for (const char* method : {"GET", "HEAD", "POST", "PUT"}) {
      if (!path.empty()) requests.push_back({method, path});
      requests.push_back({method, path + "/"});
    }
  }
  return requests;
}

std::vector<std::string> all_patterns() {
  std::vector<std::string> texts;
  for (const std::string& path : sequences({"a", "b", "{}"}, 2)) {
    std::string named = path;
    for (char name = 'x'; named.find("{}") != std::string::npos; ++name) {
      named.insert(named.find("{}") + 1, 1, name);
    }
    for (const char* method : {"", "GET ", "HEAD ", "POST "}) {
      if (!path.empty()) texts.push_back(method + named);
      texts.push_back(method + named + "/");
      texts.push_back(method + named + "/{$}");
    }
  }
  return texts;
}

Relation relation_of_sets(const Taken& first, const Taken& second) {
  if ((first & second).none()) return Relation::kDisjoint;
  if (first == second) return Relation::kEqual;
  if ((first & second) == first) return Relation::kMoreSpecific;
  return (first & second) == second ? Relation::kMoreGeneral : Relation::kOverlap;
}

TEST(RouteProperty, RelationsAreThoseOfTheSetsOfRequests) {
  const std::vector<Request> requests = universe();
  ASSERT_LE(requests.size(), Taken().size());
  std::vector<RoutePattern> patterns;
  std::vector<Taken> taken;
  for (const std::string& text : all_patterns()) {
    patterns.push_back(parsed(text));
    Taken& set = taken.emplace_back();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      set[i] = test::matches(patterns.back(), requests[i].method, "h", requests[i].path);
    }
    ASSERT_TRUE(set.any()) << text;
  }
  ASSERT_EQ(patterns.size(), 152u);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    for (std::size_t j = 0; j < patterns.size(); ++j) {
      ASSERT_EQ(relation(patterns[i], patterns[j]), relation_of_sets(taken[i], taken[j]))
          << patterns[i].text() << " and " << patterns[j].text();
    }
  }
}

TEST(RouteProperty, WhatIsSaidToBeTakenByBothIs) {
  std::vector<RoutePattern> patterns;
  for (const std::string& text : all_patterns()) patterns.push_back(parsed(text));
  for (const RoutePattern& first : patterns) {
    for (const RoutePattern& second : patterns) {
      if (relation(first, second) == Relation::kDisjoint) continue;
      const std::string request = common_request(first, second);
      const std::size_t blank = request.find(' ');
      const std::string method = request.substr(0, blank);
      const std::string path = request.substr(blank + 1);
      ASSERT_TRUE(test::matches(first, method, "h", path)) << request << " " << first.text();
      ASSERT_TRUE(test::matches(second, method, "h", path)) << request << " " << second.text();
    }
  }
}

// --- Random sets of patterns --------------------------------------------------------------------

template <class Container>
auto one_of(const Container& values) {
  return *rc::gen::elementOf(values);
}

const std::vector<std::string> kHosts = {"", "", "", "h", "example.com"};
const std::vector<std::string> kMethods = {"", "", "GET ", "HEAD ", "POST "};

std::string random_pattern() {
  static const std::vector<std::string> kPieces = {"a", "b", "%61", "a%2Fb", "{}", "{}"};
  static const std::vector<std::string> kTails = {"", "", "/", "/{$}", "/{rest...}"};
  std::string text = one_of(kMethods) + one_of(kHosts);
  std::string path;
  const int length = *rc::gen::inRange(0, 5);
  for (int i = 0; i < length; ++i) {
    const std::string piece = one_of(kPieces);
    path += piece == "{}" ? "/{w" + std::to_string(i) + "}" : "/" + piece;
  }
  path += one_of(kTails);
  return text + (path.empty() ? "/" : path);
}

std::string random_path() {
  static const std::vector<std::string> kPieces = {"a",     "b",     "c",   "%61", "%62",
                                                   "a%2fb", "a%2Fb", "%2F", ""};
  std::string path;
  const int length = *rc::gen::inRange(1, 7);
  for (int i = 0; i < length; ++i) path += "/" + one_of(kPieces);
  return path;
}

RC_GTEST_PROP(RouteProperty, TheIndexFindsEveryConflict, ()) {
  std::vector<RoutePattern> patterns;
  for (int i = 0; i < 30; ++i) patterns.push_back(parsed(random_pattern()));
  RouteIndex index;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    std::vector<RouteIndex::Id> expected;
    for (std::size_t j = 0; j < i; ++j) {
      if (in_conflict(patterns[i], patterns[j])) expected.push_back(static_cast<unsigned>(j));
    }
    RC_ASSERT(index.conflicts_of(patterns[i]) == expected);
    index.add(patterns[i], static_cast<RouteIndex::Id>(i));
  }
}

// What the table must say, from the definitions alone: "3" for the pattern that serves, "3/" when
// the client is sent to it.
std::string expected_answer(const Reference& reference, const std::vector<RoutePattern>& patterns,
                            const Request& request, const std::string& host) {
  const auto is_exact = [&](std::size_t place, std::string_view path) {
    // A rest is exact where it takes nothing: the path is then the pattern's other segments.
    const auto segments = patterns[place].segments();
    const auto slashes = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
    return !patterns[place].has_rest() || (path.ends_with('/') && slashes == segments.size());
  };
  const std::size_t place = reference.find(request.method, host, request.path);
  if (place != Reference::kNone && is_exact(place, request.path)) return std::to_string(place);
  if (!request.path.ends_with('/')) {
    const std::string longer = request.path + "/";
    const std::size_t below = reference.find(request.method, host, longer);
    if (below != Reference::kNone && is_exact(below, longer)) return std::to_string(below) + "/";
  }
  return place == Reference::kNone ? "" : std::to_string(place);
}

void check_values(const RouteMatch& match, const RoutePath& path) {
  std::vector<PathParameter> parameters;
  RouteTable::read_parameters(match, path, parameters);
  RC_ASSERT(std::string(match.script_name) + std::string(match.path_info) == path.text());
  // Written back into the pattern they are the path again.
  std::string text;
  std::size_t next = 0;
  for (const PatternSegment& segment : match.pattern->segments()) {
    text += '/';
    if (segment.kind == SegmentKind::kLiteral) text += segment.text;
    if (segment.kind == SegmentKind::kRest && segment.text.empty()) {
      text += match.path_info.substr(1);
    } else if (!segment.text.empty() && segment.kind != SegmentKind::kLiteral) {
      RC_ASSERT(parameters[next].variable == segment.text);
      text += parameters[next++].value;
    }
  }
  RC_ASSERT(next == parameters.size());
  RC_ASSERT(text == path.text());
}

RC_GTEST_PROP(RouteProperty, TheTableAnswersAsTheDefinitionSays, ()) {
  std::vector<RoutePattern> patterns;
  std::vector<Route> routes;
  const int count = *rc::gen::inRange(1, 25);
  for (int i = 0; i < count; ++i) {
    patterns.push_back(parsed(random_pattern()));
    routes.emplace_back();
    routes.back().name = std::to_string(i);
    routes.back().patterns = {patterns.back()};
  }
  const Reference reference(patterns);
  const RouteTable table(routes);
  static const std::vector<std::string> kRequestMethods = {"GET", "HEAD", "POST", "PUT"};
  RoutePath path;
  for (int i = 0; i < 40; ++i) {
    const Request request{one_of(kRequestMethods), random_path()};
    const std::string host = one_of(kHosts);
    RC_ASSERT(path.parse(request.path).has_value());
    const auto match = table.match({.host = host, .method = request.method, .path = path});
    const std::string expected = expected_answer(reference, patterns, request, host);
    std::string answer;
    if (match) {
      answer = match->route->name;
      if (match->action == RouteMatch::Action::kAddSlash) {
        answer += "/";
      } else {
        check_values(*match, path);
      }
    }
    RC_LOG() << request.method << " " << host << request.path << ": " << answer << "\n";
    RC_ASSERT(answer == expected);
    if (match) continue;
    // Allowed is what matches, there or (by way of the client) below.
    std::string allowed;
    for (const char* method : {"GET", "HEAD", "POST"}) {
      const bool found = reference.find(method, host, request.path) != Reference::kNone ||
                         (!request.path.ends_with('/') &&
                          reference.find(method, host, request.path + "/") != Reference::kNone);
      if (found) allowed += (allowed.empty() ? "" : ", ") + std::string(method);
    }
    const RouteTable::Query query{.host = host, .method = request.method, .path = path};
    RC_ASSERT(table.allowed_methods(query) == allowed);
  }
}

}  // namespace
}  // namespace godwit::gateway
