#include "registry/ownership.h"

#include <fmt/format.h>
#include <unistd.h>

namespace godwit::registry {

std::string foreign_writer(const struct stat& status) {
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return fmt::format("belongs to another user (uid {})", status.st_uid);
  }
  const unsigned mode = status.st_mode & 07777u;
  if ((mode & S_IWOTH) != 0) return fmt::format("can be written by everybody (mode {:04o})", mode);
  if ((mode & S_IWGRP) != 0) return fmt::format("can be written by its group (mode {:04o})", mode);
  return {};
}

}  // namespace godwit::registry
