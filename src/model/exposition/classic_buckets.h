#pragma once

#include <utility>
#include <vector>

#include "model/histogram.h"

namespace prom5::exposition {

/// The buckets of a histogram with custom bounds as a page without native histograms has them:
/// upper bounds, ascending, the infinite one last, each with the count of all up to it.
/// `histogram`: one that is valid and custom().
std::vector<std::pair<double, double>> classic_buckets(const Histogram& histogram);

}  // namespace prom5::exposition
