// HostDirectory: an open folder of a host volume (host_folder.h says what it promises). Reading is
// in host_directory.cc, what makes, moves and removes names in host_names.cc.
//
// Thread-safe. Holds an O_PATH descriptor of the folder, and one more once it has been listed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "capability/file_system.h"
#include "capability/host_folder.h"
#include "capability/host_listing.h"
#include "capability/host_quota.h"
#include "capability/host_resolve.h"
#include "capability/host_state.h"

namespace godwit::capability {

class HostDirectory final : public Folder {
 public:
  // `folder`: an O_PATH descriptor.
  HostDirectory(std::shared_ptr<HostState> state, HostHandle folder, Access access)
      : state_(std::move(state)), folder_(std::move(folder)), access_(access) {}

  FileResult<Opened> open(std::string_view path, const OpenOptions& options,
                          Patience patience) override;
  FileResult<NodeInfo> info(Patience patience) override;
  FileResult<NodeInfo> info_of(std::string_view path, Follow follow, Patience patience) override;
  FileResult<void> set_times(const TimesChange& times, Patience patience) override;
  FileResult<void> set_times_of(std::string_view path, Follow follow, const TimesChange& times,
                                Patience patience) override;
  FileResult<std::vector<FolderEntry>> list(std::uint64_t position, std::size_t bytes_max,
                                            Patience patience) override;
  FileResult<void> make_folder(std::string_view path, Patience patience) override;
  FileResult<void> remove_folder(std::string_view path, Patience patience) override;
  FileResult<void> remove_file(std::string_view path, Patience patience) override;
  FileResult<void> rename(std::string_view path, Folder& to, std::string_view to_path,
                          Patience patience) override;
  FileResult<void> link(std::string_view path, Folder& to, std::string_view to_path,
                        Patience patience) override;
  FileResult<void> symlink(std::string_view target, std::string_view path,
                           Patience patience) override;
  // A target that is absolute (the operator's: a guest can't make one) is a path of the host and
  // stays unseen: operation_not_permitted. One that is not UTF-8: illegal_byte_sequence.
  FileResult<std::string> read_link(std::string_view path, Patience patience) override;
  FileResult<void> sync(Sync what, Patience patience) override;

 private:
  struct Node {
    HostHandle handle;  // O_PATH
    struct stat info;
  };
  enum class Expect : std::uint8_t { kAnything, kFolder };
  // What stands there, unopened.
  FileResult<Node> find(std::string_view path, Follow follow, Patience patience,
                        Expect expect = Expect::kAnything) const;
  FileResult<Opened> open_node(Node node, const OpenOptions& options, Patience patience);
  FileResult<Opened> open_file(HostHandle handle, const OpenOptions& options);
  FileResult<Opened> create(std::string_view path, const OpenOptions& options);
  FileResult<HostHandle> create_node(std::string_view path, const OpenOptions& options);

  // The gate before every change.
  FileResult<void> may_change(Patience patience) const;
  // The other folder of a rename or link: of the same volume, and to be changed as well.
  FileResult<HostDirectory*> partner(Folder& to, Patience patience) const;

  // What stands at a place that is about to lose its name. Under the lock of names.
  struct Victim {
    bool exists = false;
    struct stat info{};
    HostPin pin;  // of what is no folder

    bool is_folder() const { return exists && S_ISDIR(info.st_mode); }
    bool is_same_as(const Victim& other) const {
      return exists && other.exists && info.st_dev == other.info.st_dev &&
             info.st_ino == other.info.st_ino;
    }
  };
  FileResult<Victim> victim_at(const NamedPlace& place) const;
  // It has lost a name: gives back what is free by that.
  void name_gone(Victim& victim);
  FileResult<void> must_be_free(const NamedPlace& place) const;
  FileResult<void> rename_places(const NamedPlace& from, const NamedPlace& to);

  FileResult<std::vector<FolderEntry>> read_entries(HostListing& listing) const;
  NodeKind entry_kind(const HostEntry& entry) const;

  HostBase base(Patience patience) const { return state_->base(folder_.get(), patience); }

  const std::shared_ptr<HostState> state_;
  const HostHandle folder_;
  const Access access_;

  // The descriptor of the last listing, kept for the next: where positions are not stable (an old
  // tmpfs), only the descriptor that was listed goes on without losing entries.
  std::mutex listing_mutex_;
  HostHandle listing_;
  std::uint64_t listing_position_ = 0;  // where it stands
};

}  // namespace godwit::capability
