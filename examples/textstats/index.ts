// SPDX-License-Identifier: Apache-2.0
//
// Counts the lines, words and bytes of the request body, and names its most frequent words:
// `?top=10` of them. A word is a run of letters, digits, apostrophes and non-ASCII characters.

const DEFAULT_TOP = 10;
const MAX_TOP = 100;

const NEWLINE: u8 = 0x0a;

// Missing and malformed values give the default, those out of range the nearest limit.
function parameterTop(): i32 {
  const value = process.env.has("top") ? parseInt(process.env.get("top")) : NaN;
  return isNaN(value) ? DEFAULT_TOP : <i32>Math.max(0, Math.min(MAX_TOP, value));
}

class Body {
  constructor(
    public bytes: Uint8Array,
    public length: i32,
  ) {}
}

function readBody(): Body {
  let bytes = new Uint8Array(64 * 1024);
  let length = 0;
  let count = 0;
  do {
    if (length == bytes.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(bytes);
      bytes = larger;
    }
    count = process.stdin.read(bytes.buffer, length);
    length += count;
  } while (count > 0);
  return new Body(bytes, length);
}

function isWordByte(byte: u8): bool {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) || // A-Z and a-z
    (byte >= 0x30 && byte <= 0x39) || // 0-9
    byte == 0x27 || // '
    byte >= 0x80 // part of a non-ASCII character in UTF-8
  );
}

class Statistics {
  lines: i32 = 0;
  words: i32 = 0;
  counts: Map<string, i32> = new Map();

  constructor(public body: Body) {
    const bytes = body.bytes;
    const length = body.length;
    for (let i = 0; i < length; ++i) {
      if (bytes[i] == NEWLINE) ++this.lines;
    }
    // A last line without a newline is a line, too.
    if (length > 0 && bytes[length - 1] != NEWLINE) ++this.lines;

    for (let start = 0; start < length; ) {
      let end = start;
      while (end < length && isWordByte(bytes[end])) ++end;
      if (end > start) this.addWord(bytes.dataStart + start, end - start);
      start = end + 1;
    }
  }

  private addWord(address: usize, length: usize): void {
    let word = String.UTF8.decodeUnsafe(address, length).toLowerCase();
    if (word.length == 0) word = "\uFFFD"; // A stray byte, which decodes to nothing.
    this.counts.set(word, this.counts.has(word) ? this.counts.get(word) + 1 : 1);
    ++this.words;
  }

  // The most frequent words, most frequent first, equally frequent ones by alphabet. Sorting all
  // words for a few of them would take longer than counting them.
  topWords(limit: i32): string[] {
    const top: string[] = [];
    const words = this.counts.keys();
    for (let i = 0; i < words.length; ++i) {
      let at = top.length;
      while (at > 0 && this.isBefore(words[i], top[at - 1])) --at;
      if (at == limit) continue;
      top.push("");
      for (let j = top.length - 1; j > at; --j) top[j] = top[j - 1];
      top[at] = words[i];
      if (top.length > limit) top.pop();
    }
    return top;
  }

  private isBefore(left: string, right: string): bool {
    const leftCount = this.counts.get(left);
    const rightCount = this.counts.get(right);
    return leftCount != rightCount ? leftCount > rightCount : left < right;
  }
}

const statistics = new Statistics(readBody());
let report = `lines ${statistics.lines}\nwords ${statistics.words}\nbytes ${statistics.body.length}\n`;
const top = statistics.topWords(parameterTop());
if (top.length > 0) {
  report += "\n";
  for (let i = 0; i < top.length; ++i) {
    report += `${statistics.counts.get(top[i])} ${top[i]}\n`;
  }
}
// Bytes that are no UTF-8 appear as U+FFFD, so that the answer is text whatever the body was.
process.stdout.write(String.UTF8.encode(report, false, String.UTF8.ErrorMode.REPLACE));
