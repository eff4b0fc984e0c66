// SPDX-License-Identifier: Apache-2.0
//
// A picture of the Mandelbrot set as a PNG: `?width=640&height=480&x=-0.5&y=0&zoom=1`. Rows leave
// as they are computed, so a large picture starts to arrive early and needs little memory.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <vector>

#include "png.h"

namespace {

constexpr double kMaxSide = 1024;  // Pixels; keeps the slowest picture at a few seconds.
constexpr double kMaxZoom = 1e12;  // Beyond it, neighbouring pixels are the same double.

struct View {
  PngSize size;
  double x;  // The centre.
  double y;
  double zoom;  // At 1, the picture is 2.5 units high.
};

struct Range {
  double least;
  double most;
  double fallback;
};

// Missing and malformed values give the fallback, those out of range the nearest limit. What was
// changed is told to the operator's log: the response is a picture and has no room for words.
double parameter(const char* name, Range range) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') {
    return range.fallback;
  }
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (*end != '\0' || std::isnan(value)) {
    std::fprintf(stderr, "image: %s is not a number, using %g\n", name, range.fallback);
    return range.fallback;
  }
  const double clamped = std::clamp(value, range.least, range.most);
  if (clamped != value) {
    std::fprintf(stderr, "image: %s is out of range, using %g\n", name, clamped);
  }
  return clamped;
}

View view_from_parameters() {
  return {
      .size = {.width = static_cast<uint32_t>(parameter("width", {1, kMaxSide, 640})),
               .height = static_cast<uint32_t>(parameter("height", {1, kMaxSide, 480}))},
      .x = parameter("x", {-2, 2, -0.5}),
      .y = parameter("y", {-2, 2, 0}),
      .zoom = parameter("zoom", {0.1, kMaxZoom, 1}),
  };
}

// 0 is the inside. The others run through blue, white and gold and back, without a visible seam.
Palette make_palette() {
  Palette palette{};
  for (size_t i = 1; i < palette.size(); ++i) {
    const double turn = 2 * std::numbers::pi * static_cast<double>(i - 1) / 255;
    const auto wave = [turn](double phase) {
      return static_cast<uint8_t>(std::lround(127.5 * (1 - std::cos(turn + phase))));
    };
    palette[i] = {wave(0), wave(0.4), wave(1.1)};
  }
  return palette;
}

// The two largest parts of the set, known in closed form: these points would cost the most.
bool is_in_cardioid_or_bulb(double x, double y) {
  const double from_focus = x - 0.25;
  const double q = from_focus * from_focus + y * y;
  const double from_bulb = x + 1;
  return q * (q + from_focus) <= 0.25 * y * y || from_bulb * from_bulb + y * y <= 0.0625;
}

uint8_t color_of(double x, double y, int max_iterations) {
  if (is_in_cardioid_or_bulb(x, y)) {
    return 0;
  }
  constexpr double kEscaped = 1 << 8;  // Further out than needed: colours become smoother.
  constexpr double kColorsPerIteration = 6;
  double re = 0;
  double im = 0;
  for (int i = 0; i < max_iterations; ++i) {
    const double re2 = re * re;
    const double im2 = im * im;
    if (re2 + im2 > kEscaped) {
      const double fraction = std::log2(std::log2(re2 + im2) / 8);
      const double color = kColorsPerIteration * (i + 1 - fraction);
      return static_cast<uint8_t>(1 + static_cast<int>(color) % 255);
    }
    im = 2 * re * im + y;
    re = re2 - im2 + x;
  }
  return 0;
}

bool draw(const View& view) {
  // Finer structure takes longer to tell from the inside.
  const int max_iterations = 128 + static_cast<int>(16 * std::log2(std::max(view.zoom, 1.0)));
  const double unit = 2.5 / (view.zoom * view.size.height);
  const double left = view.x - unit * (view.size.width - 1) / 2;
  const double top = view.y + unit * (view.size.height - 1) / 2;

  PngWriter png(stdout, view.size);
  png.write_header(make_palette());
  std::vector<uint8_t> row(view.size.width);
  for (uint32_t j = 0; j < view.size.height; ++j) {
    for (uint32_t i = 0; i < view.size.width; ++i) {
      row[i] = color_of(left + unit * i, top - unit * j, max_iterations);
    }
    png.write_row(row);
    if (std::ferror(stdout) != 0) {
      return false;  // Nobody is listening any more: don't compute the rest.
    }
  }
  return png.finish();
}

}  // namespace

int main() { return draw(view_from_parameters()) ? EXIT_SUCCESS : EXIT_FAILURE; }
