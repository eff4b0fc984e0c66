// Which names a query may set in a function's environment. A client chooses the query, so it must
// not be able to pose as the server (REMOTE_ADDR, HTTP_*), to steer the interpreter that the
// function may be (PYTHONPATH, LD_PRELOAD), or to replace what the operator configured.
// Pure functions. The list is published in docs/contract.md.
#pragma once

#include <span>
#include <string_view>

#include "manifest/function_spec.h"

namespace godwit::gateway {

// True for names that are never taken from a query, whether they are set or not.
bool is_reserved_name(std::string_view name);
// The list as it is published: exact names, "PREFIX*" and "*SUFFIX".
std::span<const std::string_view> reserved_names();

// Is this name one of the function's own `environment` or one of its `secrets`, whether that could
// be had or not? Then nothing of a request may set it.
bool is_configured(const manifest::FunctionSpec& spec, std::string_view name);

// May the query of a request set `name`? It must look like a variable, be allowed by the
// function's `query-environment`, be neither reserved nor configured.
bool may_set_from_query(const manifest::FunctionSpec& spec, std::string_view name);

}  // namespace godwit::gateway
