// SPDX-License-Identifier: Apache-2.0
//
// Answers with the request body as a gzip file (RFC 1952). The body streams through: memory is the
// 64 KiB window and the tables of the compressor, however large the body is.

const std = @import("std");
const flate = std.compress.flate;

const levels = [_]flate.Compress.Options{
    .level_1, .level_2, .level_3, .level_4, .level_5, .level_6, .level_7, .level_8, .level_9,
};
const default_level = 6; // zlib's default, too.

// Missing and malformed values give the default, those out of range the nearest limit.
fn parseLevel(text: []const u8) usize {
    const level = std.fmt.parseInt(i64, text, 10) catch return default_level;
    return @intCast(std.math.clamp(level, 1, levels.len));
}

// Buffers of this size do not belong on the stack.
var input_buffer: [32 * 1024]u8 = undefined;
var output_buffer: [32 * 1024]u8 = undefined;
var window: [flate.max_window_len]u8 = undefined;
var compress: flate.Compress = undefined;

pub fn main(init: std.process.Init) !void {
    const level = parseLevel(init.environ_map.get("level") orelse "");

    // Request and response are streams: plain reader() and writer() would ask for a position.
    var stdin = std.Io.File.stdin().readerStreaming(init.io, &input_buffer);
    var stdout = std.Io.File.stdout().writerStreaming(init.io, &output_buffer);

    compress = try .init(&stdout.interface, &window, .gzip, levels[level - 1]);
    _ = try stdin.interface.streamRemaining(&compress.writer);
    try compress.finish();
    try stdout.interface.flush();
}
