// What `godwit run` tells about a run that has ended: --stats on stderr, or one JSON document.
//
//   print(stats_text(report));   or   print_json(report_json(report));
//
// Pure functions.
#pragma once

#include <string>

#include "cli/json_output.h"
#include "cli/run_session.h"
#include "registry/loader.h"

namespace godwit::cli {

struct RunReport {
  const std::string& file;
  const SessionResult& result;
  const registry::LoadedFunction& loaded;
  bool is_response = false;  // --request: the output is a response's body
};

// Several lines, for people.
std::string stats_text(const RunReport& report);
Json report_json(const RunReport& report);

// "finished", "cpu limit", …; "refused" for a run that never began.
std::string_view outcome_text(const SessionResult& result);

}  // namespace godwit::cli
