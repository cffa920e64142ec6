#include "analysis/change_point.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "analysis/robust.h"

namespace prom5::analysis {

namespace {

constexpr size_t kMinValues = 8;

struct Points {
  std::vector<double> values;  ///< spikes clipped
  std::vector<double> places;  ///< index in the series, as a number
};

/// Each value pulled to within three times the usual distance from the median of the five about it
/// (Hampel's filter). At the ends the medians are continued as a line: shorter windows there would
/// bend what is straight. "Usual" is also what second differences show: on a steep line the median
/// of five is mostly the value itself.
void clip_spikes(std::vector<double>& values) {
  const size_t n = values.size();
  std::vector<double> smooth(n);
  std::vector<double> distance(n);
  std::array<double, 5> near{};
  for (size_t i = 2; i + 2 < n; ++i) {
    std::copy_n(values.begin() + static_cast<ptrdiff_t>(i) - 2, 5, near.begin());
    smooth[i] = median_of(near);
  }
  const size_t stretch = std::min<size_t>(8, n - 5);
  const auto steps = static_cast<double>(stretch);
  const double rise_first = (smooth[2 + stretch] - smooth[2]) / steps;
  const double rise_last = (smooth[n - 3] - smooth[n - 3 - stretch]) / steps;
  for (const size_t ahead : {1, 2}) {
    smooth[2 - ahead] = smooth[2] - static_cast<double>(ahead) * rise_first;
    smooth[n - 3 + ahead] = smooth[n - 3] + static_cast<double>(ahead) * rise_last;
  }
  for (size_t i = 0; i < n; ++i) distance[i] = values[i] - smooth[i];
  double usual = mad_scale_of(distance, 0);
  for (size_t i = 1; i + 1 < n; ++i) {
    distance[i] = values[i] - values[i - 1] / 2 - values[i + 1] / 2;
  }
  // The variance of such a difference is 1.5 times that of the noise.
  usual = std::max(usual, mad_scale_of(std::span(distance).subspan(1, n - 2), 0) / std::sqrt(1.5));
  const double room = 3 * usual;
  for (size_t i = 0; i < n; ++i) {
    values[i] = std::clamp(values[i], smooth[i] - room, smooth[i] + room);
  }
}

std::optional<Points> points_of(std::span<const double> series) {
  Points out;
  out.values.reserve(series.size());
  out.places.reserve(series.size());
  for (size_t i = 0; i < series.size(); ++i) {
    if (!std::isfinite(series[i])) continue;
    out.values.push_back(series[i]);
    out.places.push_back(static_cast<double>(i));
  }
  if (out.values.size() < kMinValues) return std::nullopt;
  clip_spikes(out.values);
  const auto [low, high] = std::minmax_element(out.values.begin(), out.values.end());
  if (!(*high - *low > 1e-12 * std::max(std::fabs(*low), std::fabs(*high)))) return std::nullopt;
  return out;
}

enum class Shape : uint8_t { StepOnLevel, StepOnLine, BendOnLine };

/// One more regressor beside a level or a line: the best place for it.
struct Best {
  size_t at = 0;      ///< index into Points
  double gain = -1;   ///< how much of the squared residuals it explains
  double factor = 0;  ///< its coefficient
  double tilt = 0;    ///< the slope that the regressor has by itself over all points
};

struct Line {
  double middle = 0;  ///< mean place
  double level = 0;   ///< value there
  double slope = 0;
  double spread = 0;  ///< Σ (place - middle)²
  std::vector<double> residuals;
};

Line line_through(const Points& points, Shape shape) {
  const auto n = static_cast<double>(points.values.size());
  Line line;
  for (size_t i = 0; i < points.values.size(); ++i) {
    line.middle += points.places[i] / n;
    line.level += points.values[i] / n;
  }
  double products = 0;
  for (size_t i = 0; i < points.values.size(); ++i) {
    const double place = points.places[i] - line.middle;
    line.spread += place * place;
    products += place * (points.values[i] - line.level);
  }
  if (shape != Shape::StepOnLevel) line.slope = products / line.spread;
  line.residuals.resize(points.values.size());
  for (size_t i = 0; i < points.values.size(); ++i) {
    line.residuals[i] =
        points.values[i] - line.level - line.slope * (points.places[i] - line.middle);
  }
  return line;
}

/// Sums over the points from some index on. With h the regressor (0 before the index; then 1, or
/// the distance from it), r the residuals and t the centred place, the gain of adding h to the
/// regression is (h·r)² / (h·h - (h·1)²/n - (h·t)²/t·t) (Frisch and Waugh 1933): all of it follows
/// from these sums.
struct Tail {
  double n = 0;
  double t = 0;
  double tt = 0;
  double r = 0;
  double rt = 0;

  void add(double place, double residual) {
    n += 1;
    t += place;
    tt += place * place;
    r += residual;
    rt += residual * place;
  }
};

Best best_place(const Points& points, const Line& line, Shape shape, size_t margin) {
  const size_t count = points.values.size();
  const auto n = static_cast<double>(count);
  Best best;
  Tail tail;
  for (size_t i = count; i-- > margin;) {
    const double place = points.places[i] - line.middle;
    tail.add(place, line.residuals[i]);
    if (count - i < margin) continue;
    double sum = tail.n;
    double with_residual = tail.r;
    double with_place = tail.t;
    double square = tail.n;
    if (shape == Shape::BendOnLine) {
      sum = tail.t - place * tail.n;
      with_residual = tail.rt - place * tail.r;
      with_place = tail.tt - place * tail.t;
      square = tail.tt - 2 * place * tail.t + place * place * tail.n;
    }
    double norm = square - sum * sum / n;
    if (shape != Shape::StepOnLevel) norm -= with_place * with_place / line.spread;
    if (!(norm > 1e-9 * square)) continue;
    const double gain = with_residual * with_residual / norm;
    if (gain > best.gain) {
      best = {
          .at = i, .gain = gain, .factor = with_residual / norm, .tilt = with_place / line.spread};
    }
  }
  return best;
}

/// Takes the mean, or the line, of the points from `first` to before `end` off the residuals.
void take_own_line(const Points& points, Shape shape, size_t first, size_t end,
                   std::vector<double>& residuals) {
  const auto n = static_cast<double>(end - first);
  double middle = 0;
  double mean = 0;
  for (size_t i = first; i < end; ++i) {
    middle += points.places[i] / n;
    mean += residuals[i] / n;
  }
  double products = 0;
  double spread = 0;
  for (size_t i = first; i < end; ++i) {
    products += (points.places[i] - middle) * (residuals[i] - mean);
    spread += (points.places[i] - middle) * (points.places[i] - middle);
  }
  const double slope = shape == Shape::StepOnLevel ? 0 : products / spread;
  for (size_t i = first; i < end; ++i) {
    residuals[i] -= mean + slope * (points.places[i] - middle);
  }
}

/// What is noise once both sides have a level, or a line, of their own: a jump that is a bend as
/// well must not make its own remainder look like slow noise.
std::vector<double> noise_of(const Points& points, const Line& line, Shape shape,
                             const Best& best) {
  std::vector<double> out = line.residuals;
  take_own_line(points, shape, 0, best.at, out);
  take_own_line(points, shape, best.at, out.size(), out);
  return out;
}

double confidence_of(const Points& points, const Line& line, Shape shape, const Best& best,
                     size_t margin) {
  const std::vector<double> left = noise_of(points, line, shape, best);
  const auto n = static_cast<double>(left.size());
  double squares = 0;
  for (const double v : left) squares += v * v;
  const double parameters = shape == Shape::StepOnLevel ? 2 : 4;
  const double variance = squares / std::max(1.0, n - parameters);
  // Fitting makes residuals look less alike than they are (Kendall 1954).
  const double seen = lag_one_autocorrelation(left);
  const double alike = std::clamp(seen + (1 + 3 * seen) / n, 0.0, 0.98);
  const double noise = variance * (1 + alike) / (1 - alike);
  if (!(noise > 1e-18 * best.gain)) return 1;
  // With few independent values the variance is itself uncertain: Student's t as a Gaussian.
  const double free = std::max(effective_count(n, alike) - parameters, 1.0);
  const double b2 = free * std::log1p(best.gain / noise / free);
  if (b2 < 2) return 0;
  const double edge = static_cast<double>(margin) / n;
  const double length = 2 * std::log((1 - edge) / edge);
  const double p =
      std::sqrt(b2) * std::exp(-b2 / 2) / std::sqrt(2 * M_PI) * (length * (1 - 1 / b2) + 4 / b2);
  return std::clamp(1 - p, 0.0, 1.0);
}

size_t margin_of(size_t count) { return std::max<size_t>(3, count / 50); }

}  // namespace

std::optional<LevelChange> change_of_level(std::span<const double> values) {
  const auto points = points_of(values);
  if (!points) return std::nullopt;
  const size_t margin = margin_of(points->values.size());
  const Line line = line_through(*points, Shape::StepOnLevel);
  const Best best = best_place(*points, line, Shape::StepOnLevel, margin);
  if (best.gain <= 0) return std::nullopt;
  LevelChange out{.index = static_cast<size_t>(points->places[best.at])};
  out.confidence = confidence_of(*points, line, Shape::StepOnLevel, best, margin);
  std::vector<double> before = finite_values(values.first(out.index));
  std::vector<double> after = finite_values(values.subspan(out.index));
  out.before = median_of(before);
  out.after = median_of(after);
  return out;
}

std::optional<SlopeChange> change_of_slope(std::span<const double> values) {
  const auto points = points_of(values);
  if (!points) return std::nullopt;
  const size_t margin = margin_of(points->values.size());
  const Line line = line_through(*points, Shape::BendOnLine);
  const Best best = best_place(*points, line, Shape::BendOnLine, margin);
  if (best.gain <= 0) return std::nullopt;
  SlopeChange out{.index = static_cast<size_t>(points->places[best.at])};
  out.before = line.slope - best.factor * best.tilt;
  out.after = out.before + best.factor;
  out.confidence = confidence_of(*points, line, Shape::BendOnLine, best, margin);
  return out;
}

std::optional<LineChange> change_of_line(std::span<const double> values) {
  const auto points = points_of(values);
  if (!points) return std::nullopt;
  const size_t margin = margin_of(points->values.size());
  const Line line = line_through(*points, Shape::BendOnLine);
  const Best jump = best_place(*points, line, Shape::StepOnLine, margin);
  const Best bend = best_place(*points, line, Shape::BendOnLine, margin);
  const bool jumps = jump.gain > bend.gain;
  const Best& best = jumps ? jump : bend;
  if (best.gain <= 0) return std::nullopt;
  const Shape shape = jumps ? Shape::StepOnLine : Shape::BendOnLine;
  return LineChange{.kind = jumps ? LineChange::Kind::Jump : LineChange::Kind::Bend,
                    .index = static_cast<size_t>(points->places[best.at]),
                    .confidence = confidence_of(*points, line, shape, best, margin)};
}

}  // namespace prom5::analysis
