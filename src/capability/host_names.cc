// What makes, moves and removes names in the folders of a host volume. Each operation finds the
// folder with openat2 and then acts on one name in it with a call that does not follow what stands
// there: mkdirat, unlinkat, renameat2, linkat and symlinkat, given neither slash nor "..".
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capability/host_directory.h"
#include "capability/host_file.h"

namespace godwit::capability {
namespace {

FileResult<void> result_of(int result) {
  if (result != 0) return file_error(errc_of(errno));
  return {};
}

}  // namespace

FileResult<void> HostDirectory::may_change(Patience patience) const {
  if (access_ == Access::kRead) return file_error(std::errc::read_only_file_system);
  if (patience == Patience::kNone) return file_error(kWouldBlock);
  return {};
}

FileResult<HostDirectory*> HostDirectory::partner(Folder& to, Patience patience) const {
  if (access_ == Access::kRead) return file_error(std::errc::read_only_file_system);
  auto* const other = dynamic_cast<HostDirectory*>(&to);
  if (other == nullptr || other->state_ != state_) return file_error(std::errc::cross_device_link);
  if (const auto allowed = other->may_change(patience); !allowed) {
    return file_error(allowed.error());
  }
  return other;
}

FileResult<HostDirectory::Victim> HostDirectory::victim_at(const NamedPlace& place) const {
  const HostBase there = state_->base(place.parent, Patience::kMayBlock);
  auto handle = open_beneath(there, place.name.data(), O_PATH | O_NOFOLLOW);
  if (!handle) {
    if (handle.error() == std::errc::no_such_file_or_directory) return Victim{};
    return file_error(handle.error());
  }
  const auto info = stat_of(handle->get());
  if (!info) return file_error(info.error());
  Victim victim;
  victim.exists = true;
  victim.info = *info;
  if (!victim.is_folder()) {
    auto pin = state_->pin(std::move(*handle));
    if (!pin) return file_error(pin.error());
    victim.pin = std::move(*pin);
  }
  return victim;
}

void HostDirectory::name_gone(Victim& victim) {
  if (!victim.is_folder()) {
    const auto info = stat_of(victim.pin.fd());
    if (info && info->st_nlink == 0) {
      // Who lets go of the last pin, perhaps this very victim, gives the rest back.
      victim.pin.inode()->orphaned.store(true, std::memory_order_relaxed);
      return;
    }
  }
  state_->quota.files.give_back(1);
}

FileResult<void> HostDirectory::set_times(const TimesChange& times, Patience patience) {
  if (const auto allowed = may_change(patience); !allowed) return allowed;
  return set_times_of_node(folder_.get(), times);
}

FileResult<void> HostDirectory::set_times_of(std::string_view path, Follow follow,
                                             const TimesChange& times, Patience patience) {
  if (const auto allowed = may_change(patience); !allowed) return allowed;
  const auto node = find(path, follow, patience);
  if (!node) return file_error(node.error());
  return set_times_of_node(node->handle.get(), times);
}

FileResult<void> HostDirectory::make_folder(std::string_view path, Patience patience) {
  if (const auto allowed = may_change(patience); !allowed) return allowed;
  const auto place = find_name(base(patience), path,
                               {.dot = std::errc::file_exists, .dot_dot = std::errc::file_exists});
  if (!place) return file_error(place.error());

  const std::scoped_lock names(state_->names);
  if (!state_->quota.files.take_all(1)) return file_error(std::errc::no_space_on_device);
  const auto made = result_of(::mkdirat(place->parent, place->name.data(), 0777));
  if (!made) state_->quota.files.give_back(1);
  return made;
}

FileResult<void> HostDirectory::remove_folder(std::string_view path, Patience patience) {
  if (const auto allowed = may_change(patience); !allowed) return allowed;
  const auto place =
      find_name(base(patience), path,
                {.dot = std::errc::invalid_argument, .dot_dot = std::errc::directory_not_empty});
  if (!place) return file_error(place.error());

  const std::scoped_lock names(state_->names);
  const auto removed = result_of(::unlinkat(place->parent, place->name.data(), AT_REMOVEDIR));
  if (removed) state_->quota.files.give_back(1);
  return removed;
}

FileResult<void> HostDirectory::remove_file(std::string_view path, Patience patience) {
  if (const auto allowed = may_change(patience); !allowed) return allowed;
  const auto place =
      find_name(base(patience), path,
                {.dot = std::errc::is_a_directory, .dot_dot = std::errc::is_a_directory});
  if (!place) return file_error(place.error());

  const std::scoped_lock names(state_->names);
  auto victim = victim_at(*place);
  if (!victim) return file_error(victim.error());
  if (!victim->exists) return file_error(std::errc::no_such_file_or_directory);
  if (victim->is_folder()) return file_error(std::errc::is_a_directory);
  if (place->trailing_slash) return file_error(std::errc::not_a_directory);
  const auto removed = result_of(::unlinkat(place->parent, place->name.data(), 0));
  if (removed) name_gone(*victim);
  return removed;
}

FileResult<void> HostDirectory::rename(std::string_view path, Folder& to, std::string_view to_path,
                                       Patience patience) {
  const auto other = partner(to, patience);
  if (!other) return file_error(other.error());
  // Both ways are gone before either end is judged, as Linux does it.
  const auto from_place = find_place(base(patience), path);
  if (!from_place) return file_error(from_place.error());
  const auto to_place = find_place((*other)->base(patience), to_path);
  if (!to_place) return file_error(to_place.error());
  const DotErrors errors{.dot = std::errc::device_or_resource_busy,
                         .dot_dot = std::errc::device_or_resource_busy};
  if (const auto named = must_be_name(*from_place, errors); !named) return named;
  if (const auto named = must_be_name(*to_place, errors); !named) return named;

  const std::scoped_lock names(state_->names);
  return rename_places(*from_place, *to_place);
}

FileResult<void> HostDirectory::rename_places(const NamedPlace& from, const NamedPlace& to) {
  const auto source = victim_at(from);
  if (!source) return file_error(source.error());
  if (!source->exists) return file_error(std::errc::no_such_file_or_directory);
  if (!source->is_folder() && (from.trailing_slash || to.trailing_slash)) {
    return file_error(std::errc::not_a_directory);
  }
  auto replaced = victim_at(to);
  if (!replaced) return file_error(replaced.error());
  const auto renamed =
      result_of(::renameat2(from.parent, from.name.data(), to.parent, to.name.data(), 0));
  // Two names of one file: nothing has happened (rename(2)).
  if (renamed && replaced->exists && !replaced->is_same_as(*source)) name_gone(*replaced);
  return renamed;
}

FileResult<void> HostDirectory::link(std::string_view path, Folder& to, std::string_view to_path,
                                     Patience patience) {
  const auto other = partner(to, patience);
  if (!other) return file_error(other.error());
  const auto source = find(path, Follow::kNo, patience);
  if (!source) return file_error(source.error());
  const DotErrors taken{.dot = std::errc::file_exists, .dot_dot = std::errc::file_exists};
  const auto to_place = find_name((*other)->base(patience), to_path, taken);
  if (!to_place) return file_error(to_place.error());

  const std::scoped_lock names(state_->names);
  if (const auto free = must_be_free(*to_place); !free) return free;
  if (S_ISDIR(source->info.st_mode)) return file_error(std::errc::operation_not_permitted);
  // Whoever made this way end in dots or a slash meanwhile has made it a folder's.
  const auto from_place = find_place(base(patience), path);
  if (!from_place) return file_error(from_place.error());
  if (from_place->kind != LastStep::Kind::kName || from_place->trailing_slash) {
    return file_error(std::errc::operation_not_permitted);
  }
  if (!state_->quota.files.take_all(1)) return file_error(std::errc::no_space_on_device);
  // Without AT_SYMLINK_FOLLOW a link at the source is linked itself.
  const auto linked = result_of(::linkat(from_place->parent, from_place->name.data(),
                                         to_place->parent, to_place->name.data(), 0));
  if (!linked) state_->quota.files.give_back(1);
  return linked;
}

FileResult<void> HostDirectory::symlink(std::string_view target, std::string_view path,
                                        Patience patience) {
  if (const auto allowed = may_change(patience); !allowed) return allowed;
  if (target.empty()) return file_error(std::errc::no_such_file_or_directory);
  if (target.starts_with('/')) return file_error(std::errc::operation_not_permitted);
  if (target.size() > kMaxPathBytes) return file_error(std::errc::filename_too_long);
  if (target.find('\0') != std::string_view::npos) return file_error(std::errc::invalid_argument);
  const auto place = find_name(base(patience), path,
                               {.dot = std::errc::file_exists, .dot_dot = std::errc::file_exists});
  if (!place) return file_error(place.error());

  const std::scoped_lock names(state_->names);
  if (const auto free = must_be_free(*place); !free) return free;
  if (!state_->quota.files.take_all(1)) return file_error(std::errc::no_space_on_device);
  if (!state_->quota.bytes.take_all(target.size())) {
    state_->quota.files.give_back(1);
    return file_error(std::errc::no_space_on_device);
  }
  const std::string text(target);
  const auto made = result_of(::symlinkat(text.c_str(), place->parent, place->name.data()));
  if (!made) {
    state_->quota.files.give_back(1);
    state_->quota.bytes.give_back(target.size());
  }
  return made;
}

FileResult<void> HostDirectory::must_be_free(const NamedPlace& place) const {
  const auto there = victim_at(place);
  if (!there) return file_error(there.error());
  if (there->exists) return file_error(std::errc::file_exists);
  // Only a folder could get this name, and these make none.
  if (place.trailing_slash) return file_error(std::errc::no_such_file_or_directory);
  return {};
}

}  // namespace godwit::capability
