#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prom5::cli {

/// Characters in a line: those of the terminal, else of $COLUMNS, else 100.
size_t terminal_width();
/// Whether standard output is a terminal that may be written to in colours ($NO_COLOR is not set).
bool terminal_colors();

/// How many places a text takes: its code points, combining ones left out.
size_t display_width(std::string_view text);

/// Columns as wide as their widest text; those of `numbers` to the right.
class Table {
 public:
  enum class Align : uint8_t { Left, Right };
  explicit Table(std::vector<std::string> heads, std::vector<Align> alignments)
      : heads_(std::move(heads)), alignments_(std::move(alignments)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// A line of heads and one for each row.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> heads_;
  std::vector<Align> alignments_;
  std::vector<std::vector<std::string>> rows_;
};

/// One line of a chart; NaN where it has a gap. All lines of a chart have the same times.
struct ChartLine {
  std::string name;
  std::vector<double> values;
};

struct ChartShape {
  size_t width = 100;   ///< characters, labels included
  size_t height = 14;   ///< lines of the plot
  bool colors = false;  ///< ANSI escapes tell the lines apart
};

/// The lines over time, drawn in Braille dots, with a legend that has a small picture of each line
/// and its least, greatest and last value. `start` and `end` are Unix seconds.
std::string draw_chart(const std::vector<ChartLine>& lines, double start, double end,
                       const ChartShape& shape);

/// A number to be read at a glance: "1.5k", "12.3M", "0.002".
std::string short_number(double value, int digits = 4);

/// Without control characters, which could move the cursor or pretend to be another line.
std::string printable(std::string_view text);

}  // namespace prom5::cli
