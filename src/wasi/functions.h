// The functions of preview 1, named and typed as in wasi_snapshot_preview1.witx, by family (a .cc
// file each). Internal to src/wasi: engines see only the tables of preview1.h.
//
// A descriptor is looked up first (EBADF), then numbers are judged (EINVAL), then addresses
// (EFAULT), and only then anything happens. No argument whatever ends the guest or the host.
#pragma once

#include <cstdint>

#include "wasi/abi.h"
#include "wasi/call.h"

namespace godwit::wasi::functions {

// args_environ.cc
Errno args_get(const Call& call, Pointer argv, Pointer argv_buffer);
Errno args_sizes_get(const Call& call, Out<Size> count, Out<Size> buffer_size);
Errno environ_get(const Call& call, Pointer environ, Pointer environ_buffer);
Errno environ_sizes_get(const Call& call, Out<Size> count, Out<Size> buffer_size);

// clocks.cc
Errno clock_res_get(const Call& call, ClockId id, Out<Timestamp> resolution);
Errno clock_time_get(const Call& call, ClockId id, Timestamp precision, Out<Timestamp> time);

// random.cc
Answer random_get(const Call& call, Pointer buffer, Size size);

// process.cc
Exit proc_exit(const Call& call, std::uint32_t code);
Answer proc_raise(const Call& call, std::uint32_t signal);
Errno sched_yield(const Call& call);

// poll.cc
Answer poll_oneoff(const Call& call, Pointer in, Pointer out, Size count, Out<Size> event_count);

// stdio.cc
Answer fd_read(const Call& call, Fd fd, Pointer iovecs, Size count, Out<Size> read);
Answer fd_write(const Call& call, Fd fd, Pointer iovecs, Size count, Out<Size> written);

// descriptors.cc
Errno fd_close(const Call& call, Fd fd);
Errno fd_renumber(const Call& call, Fd from, Fd to);
Errno fd_fdstat_get(const Call& call, Fd fd, Out<FdStat> stat);
Errno fd_fdstat_set_flags(const Call& call, Fd fd, std::uint32_t flags);
Errno fd_fdstat_set_rights(const Call& call, Fd fd, std::uint64_t base, std::uint64_t inheriting);
Answer fd_filestat_get(const Call& call, Fd fd, Out<FileStat> stat);

// files.cc
Answer fd_advise(const Call& call, Fd fd, std::uint64_t offset, std::uint64_t size,
                 std::uint32_t advice);
Answer fd_allocate(const Call& call, Fd fd, std::uint64_t offset, std::uint64_t size);
Answer fd_datasync(const Call& call, Fd fd);
Answer fd_sync(const Call& call, Fd fd);
Answer fd_filestat_set_size(const Call& call, Fd fd, std::uint64_t size);
Answer fd_filestat_set_times(const Call& call, Fd fd, Timestamp accessed, Timestamp modified,
                             std::uint32_t flags);
Answer fd_pread(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint64_t offset,
                Out<Size> read);
Answer fd_pwrite(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint64_t offset,
                 Out<Size> written);
Answer fd_readdir(const Call& call, Fd fd, Pointer buffer, Size size, std::uint64_t cookie,
                  Out<Size> used);
Answer fd_seek(const Call& call, Fd fd, std::int64_t offset, std::uint32_t whence,
               Out<std::uint64_t> position);
Errno fd_tell(const Call& call, Fd fd, Out<std::uint64_t> position);
Answer path_create_directory(const Call& call, Fd fd, Pointer path, Size path_size);
Answer path_filestat_set_times(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path,
                               Size path_size, Timestamp accessed, Timestamp modified,
                               std::uint32_t flags);
Answer path_link(const Call& call, Fd old_fd, std::uint32_t old_flags, Pointer old_path,
                 Size old_path_size, Fd new_fd, Pointer new_path, Size new_path_size);
Answer path_readlink(const Call& call, Fd fd, Pointer path, Size path_size, Pointer buffer,
                     Size size, Out<Size> used);
Answer path_remove_directory(const Call& call, Fd fd, Pointer path, Size path_size);
Answer path_rename(const Call& call, Fd fd, Pointer old_path, Size old_path_size, Fd new_fd,
                   Pointer new_path, Size new_path_size);
Answer path_symlink(const Call& call, Pointer old_path, Size old_path_size, Fd fd, Pointer new_path,
                    Size new_path_size);
Answer path_unlink_file(const Call& call, Fd fd, Pointer path, Size path_size);

// folders.cc
Errno fd_prestat_get(const Call& call, Fd fd, Pointer prestat);
Errno fd_prestat_dir_name(const Call& call, Fd fd, Pointer path, Size path_size);
Answer path_filestat_get(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path,
                         Size path_size, Pointer stat);
Answer path_open(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path, Size path_size,
                 std::uint32_t open_flags, std::uint64_t rights_base,
                 std::uint64_t rights_inheriting, std::uint32_t fd_flags, Out<Fd> opened);

// sockets.cc
Errno sock_accept(const Call& call, Fd fd, std::uint32_t flags, Out<Fd> connection);
Errno sock_recv(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint32_t flags,
                Out<Size> received, Out<std::uint16_t> received_flags);
Errno sock_send(const Call& call, Fd fd, Pointer iovecs, Size count, std::uint32_t flags,
                Out<Size> sent);
Errno sock_shutdown(const Call& call, Fd fd, std::uint32_t how);

// What snapshot 0 lays out or numbers in another way.
namespace snapshot0 {
Answer path_filestat_get(const Call& call, Fd fd, std::uint32_t lookup_flags, Pointer path,
                         Size path_size, Pointer stat);
Answer fd_filestat_get(const Call& call, Fd fd, Out<wasi::snapshot0::FileStat> stat);
Answer fd_seek(const Call& call, Fd fd, std::int64_t offset, std::uint32_t whence,
               Out<std::uint64_t> position);
Answer poll_oneoff(const Call& call, Pointer in, Pointer out, Size count, Out<Size> event_count);
}  // namespace snapshot0

}  // namespace godwit::wasi::functions
