// Who can change a file: only the one who runs Godwit, or root. Pure functions over stat().
#pragma once

#include <string>

#include <sys/stat.h>

#include "base/error.h"

namespace godwit::registry {

// Empty when only this user or root can write what `status` describes, else the reason, to be put
// behind the path: "can be written by its group (mode 0664)".
std::string foreign_writer(const struct stat& status);

}  // namespace godwit::registry
