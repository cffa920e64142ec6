#include "app/cli/terminal.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "io/codec/utf8.h"

namespace prom5::cli {

namespace {

constexpr size_t kMostLinesInLegend = 20;
constexpr std::array kColors = std::to_array<std::string_view>(
    {"\033[36m", "\033[33m", "\033[35m", "\033[32m", "\033[34m", "\033[31m"});
constexpr std::string_view kPlain = "\033[0m";

std::string padded(std::string_view text, size_t width, Table::Align align) {
  const size_t used = display_width(text);
  const std::string space(width > used ? width - used : 0, ' ');
  return align == Table::Align::Left ? std::string(text) + space : space + std::string(text);
}

/// "14:05:00 CET", with the day where that is not clear.
std::string clock_text(double seconds, bool with_day) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  std::array<char, 32> out{};
  std::strftime(out.data(), out.size(), with_day ? "%Y-%m-%d %H:%M %Z" : "%H:%M:%S %Z", &parts);
  return out.data();
}

/// At most so wide, with an ellipsis where something is missing.
std::string cut_to(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t n = 0; n + 1 < width && end < text.size(); ++n) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

struct Extent {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void take(double v) {
    if (!std::isfinite(v)) return;
    least = std::min(least, v);
    most = std::max(most, v);
  }
  [[nodiscard]] bool any() const { return least <= most; }
  /// Where a value lies between the two, 0 to 1.
  [[nodiscard]] double share(double v) const {
    // By halves, because the two may be further apart than a double can say.
    if (most == least) return 0.5;
    return std::clamp(((v / 2) - (least / 2)) / ((most / 2) - (least / 2)), 0.0, 1.0);
  }
};

/// Dots, two to a character across and four down (Unicode's Braille patterns).
class DotCanvas {
 public:
  DotCanvas(size_t columns, size_t rows)
      : columns_(columns), rows_(rows), dots_(columns * rows), colors_(columns * rows, -1) {}

  [[nodiscard]] size_t width() const { return columns_ * 2; }
  [[nodiscard]] size_t height() const { return rows_ * 4; }

  void set(size_t x, size_t y, int color) {
    // Of a cell's left column, then its right one, from the top.
    constexpr std::array<std::array<uint8_t, 4>, 2> kBits = {
        {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};
    const size_t cell = (y / 4 * columns_) + (x / 2);
    dots_[cell] |= kBits[x % 2][y % 4];
    colors_[cell] = color;
  }

  [[nodiscard]] std::string line(size_t row, bool colors) const {
    std::string out;
    int now = -1;
    for (size_t i = row * columns_; i < (row + 1) * columns_; ++i) {
      const int wanted = dots_[i] == 0 ? now : colors_[i];
      if (colors && wanted != now) out += kColors[static_cast<size_t>(wanted) % kColors.size()];
      now = wanted;
      if (dots_[i] == 0) {
        out += ' ';
      } else {
        codec::utf8_append(out, 0x2800U + dots_[i]);
      }
    }
    if (colors && now >= 0) out += kPlain;
    return out;
  }

 private:
  size_t columns_;
  size_t rows_;
  std::vector<uint8_t> dots_;
  std::vector<int> colors_;
};

/// Dots from one point to the next, without a gap along the longer way.
void connect(DotCanvas& canvas, size_t x0, size_t y0, size_t x1, size_t y1, int color) {
  const auto dx = static_cast<double>(x1) - static_cast<double>(x0);
  const auto dy = static_cast<double>(y1) - static_cast<double>(y0);
  const auto dots = static_cast<int>(std::max(std::fabs(dx), std::fabs(dy)));
  for (int i = 1; i < dots; ++i) {
    const double share = static_cast<double>(i) / dots;
    canvas.set(static_cast<size_t>(std::lround(static_cast<double>(x0) + (share * dx))),
               static_cast<size_t>(std::lround(static_cast<double>(y0) + (share * dy))), color);
  }
}

void draw_line(DotCanvas& canvas, const ChartLine& line, const Extent& extent, int color) {
  const auto y_of = [&](double v) {
    const double from_top = (1 - extent.share(v)) * static_cast<double>(canvas.height() - 1);
    return static_cast<size_t>(std::lround(from_top));
  };
  const size_t n = line.values.size();
  size_t y_before = 0;
  size_t x_before = 0;
  bool connected = false;
  for (size_t i = 0; i < n; ++i) {
    const double v = line.values[i];
    if (!std::isfinite(v)) {
      connected = false;
      continue;
    }
    const size_t x = n == 1 ? 0 : i * (canvas.width() - 1) / (n - 1);
    const size_t y = y_of(v);
    if (connected) connect(canvas, x_before, y_before, x, y, color);
    canvas.set(x, y, color);
    connected = true;
    x_before = x;
    y_before = y;
  }
}

std::string sparkline(const ChartLine& line, size_t width) {
  constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  Extent extent;
  for (const double v : line.values) extent.take(v);
  std::string out;
  const size_t n = line.values.size();
  width = std::min(width, n);
  for (size_t i = 0; i < width; ++i) {
    const double v = line.values[i * n / width];
    if (!std::isfinite(v)) {
      out += ' ';
      continue;
    }
    out += kBars[static_cast<size_t>(std::lround(extent.share(v) * (kBars.size() - 1)))];
  }
  return out;
}

std::string legend(const std::vector<ChartLine>& lines, const ChartShape& shape) {
  using enum Table::Align;
  constexpr size_t kSparkWidth = 24;
  constexpr size_t kNumbers = 36;
  const size_t most_name =
      std::max<size_t>(shape.width, kSparkWidth + kNumbers + 20) - kSparkWidth - kNumbers;
  Table table({"", "series", "", "min", "max", "last"}, {Left, Left, Left, Right, Right, Right});
  for (size_t i = 0; i < std::min(lines.size(), kMostLinesInLegend); ++i) {
    Extent extent;
    double last = std::numeric_limits<double>::quiet_NaN();
    for (const double v : lines[i].values) {
      extent.take(v);
      if (!std::isnan(v)) last = v;
    }
    const auto number = [&](double v) { return extent.any() ? short_number(v) : "-"; };
    // Infinities and NaN have no place in a chart, but they are what there is.
    const std::string last_text = std::isnan(last) ? "NaN" : short_number(last);
    const std::string mark =
        shape.colors ? fmt::format("{}━━{}", kColors[i % kColors.size()], kPlain) : "";
    table.add({mark, cut_to(lines[i].name, most_name), sparkline(lines[i], kSparkWidth),
               number(extent.least), number(extent.most), last_text});
  }
  std::string out = table.text();
  if (lines.size() > kMostLinesInLegend) {
    out += fmt::format("and {} more series\n", lines.size() - kMostLinesInLegend);
  }
  return out;
}

}  // namespace

size_t terminal_width() {
  constexpr size_t kFallback = 100;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const size_t given = columns == nullptr ? 0 : std::strtoul(columns, nullptr, 10);
  return given >= 20 && given <= 1000 ? given : kFallback;
}

bool terminal_colors() {
  return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
}

size_t display_width(std::string_view text) {
  size_t n = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {  // a colour: up to its "m"
      i = std::min(text.find('m', i), text.size());
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) ++n;
  }
  return n;
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const std::string& head : heads_) widths.push_back(display_width(head));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (widths[i] == 0) continue;
      text += (text.empty() ? "" : "  ") + padded(cells[i], widths[i], alignments_[i]);
    }
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  line(heads_);
  for (const auto& row : rows_) line(row);
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string short_number(double value, int digits) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  constexpr std::array<std::pair<double, char>, 4> kUnits = {
      {{1e12, 'T'}, {1e9, 'G'}, {1e6, 'M'}, {1e3, 'k'}}};
  for (const auto& [size, letter] : kUnits) {
    if (std::fabs(value) >= size && std::fabs(value) < 1e15) {
      return fmt::format("{:.{}g}{}", value / size, digits, letter);
    }
  }
  return fmt::format("{:.{}g}", value, digits);
}

std::string draw_chart(const std::vector<ChartLine>& lines, double start, double end,
                       const ChartShape& shape) {
  Extent extent;
  for (const ChartLine& line : lines) {
    for (const double v : line.values) extent.take(v);
  }
  if (!extent.any()) return "no finite values to draw\n\n" + legend(lines, shape);
  const double center = (extent.most / 2) + (extent.least / 2);
  // As many digits as tell the ends apart.
  int digits = 4;
  const bool flat = extent.most == extent.least;
  while (!flat && digits < 15 &&
         (short_number(extent.most, digits) == short_number(center, digits) ||
          short_number(extent.least, digits) == short_number(center, digits))) {
    ++digits;
  }
  const std::string top = short_number(extent.most, digits);
  const std::string bottom = short_number(extent.least, digits);
  const std::string middle = short_number(center, digits);
  const size_t label = std::max({top.size(), bottom.size(), middle.size()});
  const size_t columns = shape.width > label + 12 ? shape.width - label - 2 : 10;
  DotCanvas canvas(columns, shape.height);
  for (size_t i = 0; i < lines.size(); ++i) {
    draw_line(canvas, lines[i], extent, static_cast<int>(i));
  }
  std::string out;
  for (size_t row = 0; row < shape.height; ++row) {
    std::string text;
    if (row == 0 && !flat) text = top;
    if (row == shape.height / 2) text = middle;
    if (row + 1 == shape.height && !flat) text = bottom;
    const std::string_view axis = text.empty() ? "│" : "┤";
    const std::string dots = canvas.line(row, shape.colors);
    out += padded(text, label, Table::Align::Right) + std::string(axis) + dots + "\n";
  }
  constexpr double kDay = 86'400;
  const auto now = static_cast<double>(std::time(nullptr));
  const bool days = end - start > kDay || now - start > kDay || start > now + kDay;
  const std::string from = clock_text(start, days);
  const std::string to = clock_text(end, days);
  const size_t gap = columns > from.size() + to.size() ? columns - from.size() - to.size() : 1;
  out += std::string(label + 1, ' ') + from + std::string(gap, ' ') + to + "\n\n";
  return out + legend(lines, shape);
}

}  // namespace prom5::cli
