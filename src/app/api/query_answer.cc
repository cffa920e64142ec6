#include "app/api/query_answer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "app/api/answer.h"
#include "app/api/result_json.h"
#include "base/loop_turn.h"
#include "query/query_stats.h"

namespace prom5::api {

namespace {

using codec::JsonWriter;

/// Below it an answer is written at once: half a megabyte.
constexpr size_t kManyPoints = 16'384;
/// Up to so many are written within a moment.
constexpr size_t kFewPoints = 2048;
constexpr size_t kPieceBytes = size_t{64} << 10;

std::vector<query::Series>* series_of(query::Value& value) {
  if (auto* vector = std::get_if<query::VectorValue>(&value)) return &vector->series;
  if (auto* matrix = std::get_if<query::MatrixValue>(&value)) return &matrix->series;
  return nullptr;
}

size_t points_of(const std::vector<query::Series>& series) {
  size_t points = 0;
  for (const query::Series& one : series) points += one.points.size();
  return points;
}

io::HttpResponse at_once(query::QueryResult& result, size_t limit, bool with_stats) {
  return success_answer(
      [&](JsonWriter& json) {
        json.begin_object();
        const bool truncated = write_value(json, result.value, limit);
        if (with_stats) query::write_stats(json.key("stats"), result.stats);
        json.end_object();
        if (truncated) result.annotations.warn(std::string(kTruncated));
      },
      result.annotations);
}

/// The same text in pieces. One thread.
class Pieces {
 public:
  Pieces(query::QueryResult result, size_t limit, bool with_stats)
      : result_(std::move(result)),
        series_(*series_of(result_.value)),
        wanted_(limit > 0 ? std::min(limit, series_.size()) : series_.size()),
        with_stats_(with_stats) {}
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  bool next(std::string& out) {
    if (ended_) return false;
    text_.clear();
    const bool vector = std::holds_alternative<query::VectorValue>(result_.value);
    if (!std::exchange(begun_, true)) {
      json_.begin_object().field("status", "success").key("data").begin_object();
      json_.field("resultType", vector ? "vector" : "matrix").key("result").begin_array();
    }
    while (written_ < wanted_ && text_.size() < kPieceBytes) {
      query::Series& series = series_[written_];
      if (vector) {
        write_instant(json_, series);
      } else if (!of_series_.write(json_, series, text_, kPieceBytes)) {
        break;
      }
      series = {};
      ++written_;
    }
    if (written_ == wanted_) end();
    out.swap(text_);
    return true;
  }

 private:
  void end() {
    json_.end_array();
    if (with_stats_) query::write_stats(json_.key("stats"), result_.stats);
    json_.end_object();
    if (wanted_ < series_.size()) result_.annotations.warn(std::string(kTruncated));
    write_annotations(json_, result_.annotations);
    json_.end_object();
    ended_ = true;
  }

  query::QueryResult result_;
  std::vector<query::Series>& series_;
  const size_t wanted_;
  const bool with_stats_;
  std::string text_;
  JsonWriter json_{text_};
  size_t written_ = 0;           ///< series
  RangeSeriesWriter of_series_;  ///< the next one
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

io::HttpResponse query_answer(query::QueryResult result, size_t limit, bool with_stats) {
  const std::vector<query::Series>* series = series_of(result.value);
  const size_t points = series == nullptr ? 0 : points_of(*series);
  if (points > kFewPoints) leave_event_loop();
  if (points < kManyPoints) return at_once(result, limit, with_stats);
  io::HttpResponse response = io::HttpResponse::json(200, "");
  response.pieces = [pieces = std::make_shared<Pieces>(std::move(result), limit, with_stats)](
                        std::string& piece) { return pieces->next(piece); };
  return response;
}

}  // namespace prom5::api
