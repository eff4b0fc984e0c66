// SPDX-License-Identifier: Apache-2.0
//
// A query parameter is an environment variable, and standard output is the answer.

const std = @import("std");

pub fn main(init: std.process.Init) !void {
    const parameter = init.environ_map.get("name") orelse "";
    const name = if (parameter.len > 0) parameter else "World";

    // A response is a stream: the plain writer() would ask for a position in it first.
    var buffer: [256]u8 = undefined;
    var stdout = std.Io.File.stdout().writerStreaming(init.io, &buffer);
    try stdout.interface.print("Hello, {s}!\n", .{name});
    try stdout.interface.flush();
}
