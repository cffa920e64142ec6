#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "ask/catalogue/word_vectors.h"
#include "base/rng.h"
#include "io/codec/bytes.h"

namespace prom5::catalogue {

namespace {

constexpr uint32_t kMagic = 0x56573550;  // "P5WV"

/// Rows of numbers, one behind the other.
struct Matrix {
  Matrix(size_t row_count, size_t column_count)
      : rows(row_count), columns(column_count), cells(row_count * column_count) {}
  float* row(size_t i) { return cells.data() + i * columns; }
  [[nodiscard]] const float* row(size_t i) const { return cells.data() + i * columns; }

  size_t rows;
  size_t columns;
  std::vector<float> cells;
};

Matrix multiply(const Matrix& a, const Matrix& b) {
  Matrix out(a.rows, b.columns);
  for (size_t i = 0; i < a.rows; ++i) {
    for (size_t k = 0; k < a.columns; ++k) {
      const float factor = a.row(i)[k];
      if (factor == 0) continue;  // most are
      const float* from = b.row(k);
      float* to = out.row(i);
      for (size_t j = 0; j < b.columns; ++j) to[j] += factor * from[j];
    }
  }
  return out;
}

Matrix transpose(const Matrix& a) {
  Matrix out(a.columns, a.rows);
  for (size_t i = 0; i < a.rows; ++i) {
    for (size_t j = 0; j < a.columns; ++j) out.row(j)[i] = a.row(i)[j];
  }
  return out;
}

double dot(const float* a, const float* b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// Makes the rows orthogonal and of length 1, by Gram and Schmidt, twice because once is not
/// enough in floats.
void orthonormalise_rows(Matrix& m) {
  for (size_t i = 0; i < m.rows; ++i) {
    for (int pass = 0; pass < 2; ++pass) {
      for (size_t before = 0; before < i; ++before) {
        const auto share = static_cast<float>(dot(m.row(i), m.row(before), m.columns));
        for (size_t j = 0; j < m.columns; ++j) m.row(i)[j] -= share * m.row(before)[j];
      }
    }
    const double length = std::sqrt(dot(m.row(i), m.row(i), m.columns));
    if (length < 1e-12) continue;
    for (size_t j = 0; j < m.columns; ++j) {
      m.row(i)[j] = static_cast<float>(m.row(i)[j] / length);
    }
  }
}

/// One rotation of Jacobi's that makes the cell (p, q) of a symmetric matrix zero.
void rotate(std::vector<double>& a, std::vector<double>& vectors, size_t n, size_t p, size_t q) {
  const double off = a[p * n + q];
  if (std::abs(off) < 1e-12) return;
  const double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
  const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  for (size_t k = 0; k < n; ++k) {
    const double kp = a[k * n + p];
    const double kq = a[k * n + q];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (size_t k = 0; k < n; ++k) {
    const double pk = a[p * n + k];
    const double qk = a[q * n + k];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
    const double vp = vectors[k * n + p];
    const double vq = vectors[k * n + q];
    vectors[k * n + p] = c * vp - s * vq;
    vectors[k * n + q] = s * vp + c * vq;
  }
}

struct Eigen {
  std::vector<double> values;
  std::vector<double> vectors;  ///< n by n, the k-th in column k
};

Eigen symmetric_eigen(std::vector<double> a, size_t n) {
  std::vector<double> vectors(n * n);
  for (size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
  constexpr int kSweeps = 12;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (size_t p = 0; p < n; ++p) {
      for (size_t q = p + 1; q < n; ++q) rotate(a, vectors, n, p, q);
    }
  }
  Eigen out{std::vector<double>(n), std::move(vectors)};
  for (size_t i = 0; i < n; ++i) out.values[i] = a[i * n + i];
  return out;
}

/// The first `dimensions` left singular vectors of m, each times the root of its singular value.
Matrix factorise(const Matrix& m, size_t dimensions) {
  constexpr size_t kSpare = 20;
  const size_t width = std::min(dimensions + kSpare, m.rows);
  const Matrix across = transpose(m);
  Rng rng(1);
  Matrix guess(m.columns, width);
  for (float& cell : guess.cells) cell = static_cast<float>(rng.unit() - 0.5);
  Matrix basis = transpose(multiply(m, guess));
  for (int step = 0; step < 3; ++step) {
    basis = transpose(multiply(m, multiply(across, transpose(basis))));
    orthonormalise_rows(basis);
  }
  const Matrix small = multiply(basis, m);
  std::vector<double> square(width * width);
  for (size_t i = 0; i < width; ++i) {
    for (size_t j = 0; j < width; ++j) {
      square[i * width + j] = dot(small.row(i), small.row(j), small.columns);
    }
  }
  const Eigen eigen = symmetric_eigen(std::move(square), width);
  std::vector<size_t> order(width);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return eigen.values[a] > eigen.values[b]; });
  Matrix out(m.rows, dimensions);
  for (size_t k = 0; k < std::min(dimensions, width); ++k) {
    // The eigenvalue is the singular value's square.
    const double root = std::pow(std::max(eigen.values[order[k]], 0.0), 0.25);
    for (size_t j = 0; j < width; ++j) {
      const double share = root * eigen.vectors[j * width + order[k]];
      for (size_t i = 0; i < m.rows; ++i) {
        out.row(i)[k] += static_cast<float>(share * basis.row(j)[i]);
      }
    }
  }
  return out;
}

using Words = std::set<std::string>;

bool is_number(std::string_view word) {
  return word.find_first_not_of("0123456789") == std::string_view::npos;
}

void put(Words& into, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (!is_number(word)) into.insert(word);
  }
}

/// Words that stand together: those of a concept, of each of its phrases and explanations, and of
/// each of its metrics with its name.
std::vector<Words> contexts_of(const ConceptPack& pack) {
  std::vector<Words> out;
  for (const Concept& item : pack.concepts) {
    const std::vector<std::string> name = pack.lexicon.words_of_text(item.name);
    Words whole(item.about.begin(), item.about.end());
    put(whole, name);
    for (const auto& phrase : item.phrases) {
      put(whole, phrase);
      put(out.emplace_back(), phrase);
    }
    std::set<std::string> metrics;
    std::set<std::string> explanations;
    for (const Recipe& recipe : item.recipes) {
      metrics.insert(recipe.needs.begin(), recipe.needs.end());
      if (!recipe.explain.empty()) explanations.insert(recipe.explain);
    }
    for (const std::string& text : explanations) {
      put(whole, pack.lexicon.words_of_text(text));
      put(out.emplace_back(), pack.lexicon.words_of_text(text));
    }
    for (const std::string& metric : metrics) {
      put(whole, pack.lexicon.words_of_name(metric));
      put(out.emplace_back(), pack.lexicon.words_of_name(metric));
      put(out.back(), name);
    }
    out.push_back(std::move(whole));
  }
  return out;
}

/// Positive pointwise mutual information of each two words.
Matrix association(const std::vector<Words>& contexts,
                   const std::map<std::string, size_t, std::less<>>& places) {
  const size_t n = places.size();
  Matrix out(n, n);
  for (const Words& context : contexts) {
    const float share = 1 / static_cast<float>(std::max<size_t>(context.size(), 1));
    std::vector<size_t> at;
    for (const std::string& word : context) at.push_back(places.find(word)->second);
    for (const size_t i : at) {
      for (const size_t j : at) out.row(i)[j] += share;
    }
  }
  std::vector<double> sums(n);
  double smoothed = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) sums[i] += out.row(i)[j];
    smoothed += std::pow(sums[i], 0.75);
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      float& cell = out.row(i)[j];
      if (cell == 0) continue;
      const double information = std::log(cell * smoothed / (sums[i] * std::pow(sums[j], 0.75)));
      cell = static_cast<float>(std::max(information, 0.0));
    }
  }
  return out;
}

}  // namespace

std::string make_word_vectors(const ConceptPack& pack) {
  const std::vector<Words> contexts = contexts_of(pack);
  std::map<std::string, size_t, std::less<>> places;  // first how many contexts have the word
  for (const Words& context : contexts) {
    for (const std::string& word : context) ++places[word];
  }
  std::vector<double> found_in;
  for (auto& [word, place] : places) {
    found_in.push_back(static_cast<double>(place));
    place = found_in.size() - 1;
  }
  const Matrix vectors = factorise(association(contexts, places), WordVectors::kMeaning);
  std::string out;
  codec::ByteWriter writer(out);
  writer.u32(kMagic);
  writer.u32(WordVectors::kMeaning);
  writer.u32(static_cast<uint32_t>(places.size()));
  const double all = static_cast<double>(contexts.size());
  for (const auto& [word, place] : places) {
    writer.sized_bytes(word);
    const double weight = std::log(1 + all / found_in[place]) / std::log(1 + all);
    writer.u32(std::bit_cast<uint32_t>(static_cast<float>(weight)));
    const float* numbers = vectors.row(place);
    const double length = std::sqrt(dot(numbers, numbers, WordVectors::kMeaning));
    for (size_t k = 0; k < WordVectors::kMeaning; ++k) {
      const double unit = length > 0 ? numbers[k] / length : 0;
      writer.u8(static_cast<uint8_t>(static_cast<int8_t>(std::lround(unit * 127))));
    }
  }
  return out;
}

}  // namespace prom5::catalogue
