#include "io/http/multipart_form.h"

#include <gtest/gtest.h>

#include <array>

#include "base/rng.h"

namespace prom5::io {

namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=b";

/// A part as clients write it; `head`: what stands behind "form-data".
std::string part(std::string_view head, std::string_view value) {
  return fmt::format("--b\r\nContent-Disposition: form-data{}\r\n\r\n{}\r\n", head, value);
}
std::string named(std::string_view name, std::string_view value) {
  return part(fmt::format("; name=\"{}\"", name), value);
}

void good(std::string_view body, const Parameters& want, std::string_view type = kType) {
  const auto got = parse_multipart_form(type, body);
  ASSERT_TRUE(got) << body << "\n" << got.error().message;
  EXPECT_EQ(*got, want) << body;
}

void bad(std::string_view body, std::string_view told, std::string_view type = kType) {
  const auto got = parse_multipart_form(type, body);
  ASSERT_FALSE(got) << body;
  EXPECT_NE(got.error().message.find(told), std::string::npos) << got.error().message;
}

}  // namespace

TEST(MultipartForm, ItsType) {
  for (const char* type : {"multipart/form-data", "Multipart/Form-Data ; boundary=b"}) {
    EXPECT_TRUE(is_multipart_form(type)) << type;
  }
  for (const char* type :
       {"", "multipart/mixed; boundary=b", "multipart/form-data2", "text/plain"}) {
    EXPECT_FALSE(is_multipart_form(type)) << type;
    bad("", "Content-Type", type);
  }
}

TEST(MultipartForm, Values) {
  good(named("query", "up{a=\"b\"} > 0") + named("time", "1") + "--b--\r\n",
       {{"query", "up{a=\"b\"} > 0"}, {"time", "1"}});
  good(named("match[]", "a") + named("match[]", "b") + "--b--",
       {{"match[]", "a"}, {"match[]", "b"}});
  good("--b--", {});
  good(named("a", "") + "--b--", {{"a", ""}});
  good("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--", {{"a", ""}});
  good(named("a", "1\r\n2\n3\r\n\r\n") + "--b--", {{"a", "1\r\n2\n3\r\n\r\n"}});
  good(named("a", std::string_view("\0\xFF", 2)) + "--b--", {{"a", std::string("\0\xFF", 2)}});
}

TEST(MultipartForm, WhatLooksLikeABoundaryIsOfTheValue) {
  for (const char* value : {"\r\n--bc", "\r\n--b-", "\r\n--b x", "\n--b\n", "\r\n-- b", "x--b\r\n",
                            "--b-", "--bb\r\n", "\r\n--b\n", "\r\n--B\r\n"}) {
    good(named("a", value) + "--b--", {{"a", value}});
  }
}

TEST(MultipartForm, WhatStandsAroundPartsIsPassedOver) {
  good("a preamble\r\n" + named("a", "1") + "--b--\r\nan epilogue\r\n--b\r\n", {{"a", "1"}});
  good("\r\n" + named("a", "1") + "--b--", {{"a", "1"}});
  good("--b \t\r\nContent-Disposition:form-data;name=a\r\n\r\n1\r\n--b--", {{"a", "1"}});
  good(
      "--b\r\nX-More: 1\r\ncontent-disposition: FORM-DATA; NAME=a\r\nContent-Type: text/plain\r\n"
      "\r\n1\r\n--b--",
      {{"a", "1"}});
}

TEST(MultipartForm, NamesAsClientsWriteThem) {
  good(part(R"(; name="a\"b\\c\d")", "1") + "--b--", {{R"(a"b\c\d)", "1"}});
  good(part("; name=\"a;b=c\"; other=x", "1") + "--b--", {{"a;b=c", "1"}});
  good(part(";  other=x ; name = a ;", "1") + "--b--", {{"a", "1"}});
}

TEST(MultipartForm, WhatIsNoParameterIsLeftOut) {
  good(part("; name=\"a\"; filename=\"x.txt\"", "1") + named("b", "2") + "--b--", {{"b", "2"}});
  good(part("; name=\"a\"; filename*=utf-8''x", "1") + "--b--", {});
  good(part("; name=\"a\"; filename=\"\"", "1") + "--b--", {{"a", "1"}});
  good(part("", "1") + part("; name=\"\"", "2") + "--b--", {});
  good("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--", {});
  good("--b\r\n\r\n1\r\n--b--", {});
}

TEST(MultipartForm, Boundaries) {
  const auto with = [](std::string_view boundary) {
    return fmt::format("--{0}\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--{0}--",
                       boundary);
  };
  const std::string dashes = "------------------------1f2a";
  good(with(dashes), {{"a", "1"}}, "multipart/form-data; boundary=" + dashes);
  good(with("x y:z"), {{"a", "1"}}, "multipart/form-data; charset=utf-8; BOUNDARY=\"x y:z\"");
  const std::string longest(70, 'x');
  good(with(longest), {{"a", "1"}}, "multipart/form-data; boundary=" + longest);
  bad(with(longest + "x"), "boundary of 1 to 70", "multipart/form-data; boundary=x" + longest);
  for (const char* type :
       {"multipart/form-data", "multipart/form-data;", "multipart/form-data; b=c",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""}) {
    bad(with(""), "boundary of 1 to 70", type);
  }
  bad(with("b"), "not closed", "multipart/form-data; boundary=\"b");
  bad(with("b"), "malformed parameter", "multipart/form-data; boundary");
}

TEST(MultipartForm, WhatIsCutOffOrMalformedIsNone) {
  const std::string whole = named("a", "1") + named("b", "2") + "--b--";
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_multipart_form(kType, whole.substr(0, size))) << size;
  }
  bad("--b\r\nno colon\r\n\r\n1\r\n--b--", "malformed header");
  bad("--b\r\nA: b\r\n c\r\n\r\n1\r\n--b--", "malformed header");
  bad("--b\r\n: b\r\n\r\n1\r\n--b--", "malformed header");
  bad(part("; name=\"a", "1") + "--b--", "not closed");
  bad(part("; name", "1") + "--b--", "malformed parameter");
  bad(part("; name=a; c", "1") + "--b--", "malformed parameter");
  bad("--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\n", "closing boundary");
}

TEST(MultipartForm, Bounds) {
  std::string parts;
  for (size_t i = 0; i < 1000; ++i) parts += named("a", "");
  EXPECT_EQ(parse_multipart_form(kType, parts + "--b--")->size(), 1000U);
  const auto more = parse_multipart_form(kType, parts + named("a", "") + "--b--");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::LimitExceeded);
  std::string large = named("a", std::string(size_t{32} << 20, 'x')) + "--b--";
  EXPECT_EQ(parse_multipart_form(kType, large).error().code, ErrorCode::LimitExceeded);
  large = named("a", std::string((size_t{32} << 20) - 100, 'x')) + "--b--";
  EXPECT_TRUE(parse_multipart_form(kType, large));
}

TEST(MultipartForm, WhatIsWrittenIsRead) {
  constexpr uint64_t kSeed = 20261122;
  Rng rng(kSeed);
  constexpr std::array kPieces = std::to_array<std::string_view>(
      {"\r\n", "--", "b", "-", "\r", "\n", "a", ":", " ", "\"", "--b"});
  const auto text = [&](size_t most) {
    std::string out;
    for (size_t n = rng.below(most); n > 0; --n) out += kPieces[rng.below(kPieces.size())];
    return out;
  };
  for (size_t round = 0; round < 20'000; ++round) {
    Parameters want;
    std::string body = rng.below(2) == 0 ? "" : "before\r\n";
    for (size_t n = rng.below(4); n > 0; --n) {
      std::string value = text(8);
      // A writer chooses a boundary that no value holds.
      const bool is_boundary = ("\r\n" + value + "\r\n").find("\r\n--b") != std::string::npos;
      if (is_boundary) continue;
      body += named(fmt::format("n{}", n), value);
      want.emplace_back(fmt::format("n{}", n), std::move(value));
    }
    const auto got = parse_multipart_form(kType, body + "--b--" + text(4));
    ASSERT_TRUE(got) << "seed " << kSeed << ", round " << round << ": " << got.error().message;
    EXPECT_EQ(*got, want) << "seed " << kSeed << ", round " << round;
    // Any bytes are a form or an error.
    (void)parse_multipart_form(kType, "--b" + text(30) + body + text(30));
    (void)parse_multipart_form("multipart/form-data" + text(6) + "; boundary=b" + text(6), body);
  }
}

}  // namespace prom5::io
