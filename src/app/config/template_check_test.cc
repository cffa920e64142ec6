#include "app/config/template_check.h"

#include <gtest/gtest.h>

#include "app/config/rule_file.h"
#include "base/rng.h"

namespace prom5::config {

namespace {

void good(std::string_view text) {
  const auto checked = check_template(text);
  EXPECT_TRUE(checked) << text << "\nsaid: " << checked.error().message;
}

void bad(std::string_view text, std::string_view begin) {
  const auto checked = check_template(text);
  ASSERT_FALSE(checked) << text;
  EXPECT_EQ(checked.error().code, ErrorCode::BadData);
  EXPECT_TRUE(checked.error().message.starts_with(begin))
      << text << "\nsaid: " << checked.error().message;
}

}  // namespace

TEST(Template, WhatPrometheusDocuments) {
  good("");
  good("no action, but }} and { braces }");
  good("Instance {{ $labels.instance }} is down, {{$value}}");
  good(
      "{{ .Labels.job }} {{ .Value | humanize }} {{ $externalLabels.cluster }} {{ $externalURL }}");
  good("{{ printf \"%.2f\" $value | toUpper }}");
  good("{{ with query \"up{job='x'}\" }}{{ . | first | value | humanizePercentage }}{{ end }}");
  good("{{ range query (printf \"up{instance=%q}\" $labels.instance) }}{{ .Value }}{{ end }}");
  good("{{ range $i, $e := query \"up\" | sortByLabel \"x\" }}{{ $i }}{{ label \"a\" $e }}{{end}}");
  good("{{ if gt $value 1.5e3 }}a{{ else if and (eq 1 2) true }}b{{ else }}c{{ end }}");
  good("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}");
  good("{{- /* a comment }} of any kind */ -}}{{- $value -}}");
  good("{{ define \"t\" }}{{ . }}{{ end }}{{ template \"t\" . }}");
  good("{{ block \"b\" . }}{{ . }}{{ end }}{{ template \"t\" }}");
  good("{{ range . }}{{ break }}{{ else }}{{ end }}");
  good("{{ (first (query `up{a=\"\\d\"}`)).Value }}");
  good("{{ reReplaceAll \"\\\\d+ \\\" \\u00e9\" 'x' $labels.a }}");
  good("{{ $labels.a\n  | title }}");
  good("{{ slice \"abc\" 1 -1 }}{{ 0x1F }}{{ .5 }}{{ $ }}{{ len $.Labels }}");
}

TEST(Template, Actions) {
  bad("{{ $value", "unclosed action, in \"{{ $value\"");
  bad("{{", "unclosed action");
  bad("{{ }}", "missing value for command, in \"{{ }}\"");
  bad("{{ if }}a{{ end }}", "missing value for if, in \"{{ if }}\"");
  bad("a {{ printf \"x }} b", "unterminated quoted string, in \"{{ printf \"x }}\"");
  bad("{{ `x }}", "unterminated raw quoted string");
  bad("{{ 'x }}", "unterminated character constant");
  bad("{{ /* x }}", "unexpected / in command");
  bad("{{/* x }}", "unclosed comment");
  bad("{{/* x */ y }}", "comment ends before");
  bad("{{ \"\\d\" }}", "unknown escape \"\\d\" in a quoted string; write \\\\ for a backslash");
  bad("{{ 1a2g }}", "bad number syntax: \"1a2g\"");
  bad("{{ a#b }}", "bad character '#'");
  bad("{{ $x : 1 }}", "expected :=");
  bad("{{ ($value }}", "unclosed left paren");
  bad("{{ $value) }}", "unexpected right paren");
  bad("{{ () }}", "missing value for parenthesized pipeline");
}

TEST(Template, Pipelines) {
  bad("{{ $value > 5 }}", "unexpected > in command, in \"{{ $value > 5 }}\"");
  bad("{{ $value | }}{{ | humanize }}", "unexpected | in command, in \"{{ | humanize }}\"");
  bad("{{ humanize | 1 }}", "non executable command in pipeline stage 2");
  bad("{{ printf \"a\"`b` }}", "unexpected `b` in operand");
  bad("{{ 1.5.Labels }}", "");
  bad("{{ true.Labels }}", "unexpected . after term \"true\"");
  bad("{{ $a, $b := 1 }}", "too many declarations in command");
  bad("{{ range $a, 1 }}{{ end }}", "range can only initialize variables");
  bad("{{ range $a, $b, $c := . }}{{ end }}", "too many declarations in range");
  bad("{{ humanise $value }}", "function \"humanise\" not defined; did you mean humanize?");
  bad("{{ tmpl \"t\" . }}", "function \"tmpl\" not defined");
  bad("{{ zzzzzzzz }}", "function \"zzzzzzzz\" not defined, in");
  bad("{{ $label.a }}", "undefined variable \"$label\"; did you mean $labels?");
  bad("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "undefined variable \"$x\"");
  bad("{{ define \"t\" }}{{ $value }}{{ end }}", "undefined variable \"$value\"");
  good("{{ define \"t\" }}{{ $ }}{{ end }}{{ $value }}");
}

TEST(Template, Blocks) {
  bad("{{ if true }}a", "unexpected end of the text: {{end}} is missing, in \"{{ if true }}\"");
  bad("{{ range . }}{{ if . }}{{ end }}",
      "unexpected end of the text: {{end}} is missing, in \"{{ range . }}\"");
  bad("a{{ end }}", "unexpected {{end}}");
  bad("{{ if . }}{{ end . }}", "unexpected . in end");
  bad("{{ else }}", "unexpected {{else}}");
  bad("{{ if . }}{{ else }}{{ else }}{{ end }}", "unexpected {{else}}");
  bad("{{ if . }}{{ else range . }}{{ end }}", "unexpected range in else");
  bad("{{ range . }}{{ else if . }}{{ end }}", "unexpected if in else");
  bad("{{ break }}", "{{break}} outside {{range}}");
  bad("{{ range . }}{{ else }}{{ break }}{{ end }}", "{{break}} outside {{range}}");
  bad("{{ range . }}{{ else }}{{ if . }}{{ continue }}{{ end }}{{ end }}", "{{continue}} outside");
  good("{{ range . }}{{ range . }}{{ else }}{{ break }}{{ end }}{{ end }}");
  good("{{ range . }}{{ if . }}{{ else }}{{ continue }}{{ end }}{{ end }}");
  bad("{{ range . }}{{ block \"x\" . }}{{ continue }}{{ end }}{{ end }}", "{{continue}} outside");
  bad("{{ if . }}{{ define \"t\" }}{{ end }}{{ end }}", "unexpected {{define}}");
  bad("{{ template x }}", "unexpected x in template clause");
  bad("{{ define \"t\" . }}{{ end }}", "unexpected . in define clause");
  bad("{{ block \"t\" }}{{ end }}", "missing value for block");
}

TEST(Template, VariablesOfOpenBlocks) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "{{ if $a := 1 }}";
  for (int i = 0; i < 10'000; ++i) text += "{{ end }}";
  good(text + "{{ $value }}");
  good(
      "{{ if $a := 1 }}{{ if $b := $a }}{{ $b }}{{ end }}{{ block \"t\" $a }}{{ $ }}{{ end }}"
      "{{ $a }}{{ end }}{{ $value }}");
  bad("{{ block \"t\" 1 }}{{ $c := 1 }}{{ end }}{{ $c }}", "undefined variable \"$c\"");
}

TEST(Template, NestingIsLimited) {
  const auto nested = [](size_t n) {
    return "{{ " + std::string(n, '(') + "1" + std::string(n, ')') + " }}";
  };
  good(nested(100));
  bad(nested(101), "too many parentheses");
  bad(nested(100'000), "too many parentheses");
}

TEST(Template, NoTextBreaksIt) {
  const std::string text =
      "{{- if $x := gt .Value 1.5 -}}a{{ else if (eq `b` \"c\\n\") }}{{ range $i, $e := query "
      "\"up\" | first }}{{ $e.Labels.a }}{{ break }}{{ end }}{{/* c */}}{{ template \"t\" . }}"
      "{{ end }}";
  good(text);
  Rng rng(17);
  int errors = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = text;
    for (uint64_t n = rng.below(4) + 1; n > 0 && !changed.empty(); --n) {
      const size_t at = rng.below(changed.size());
      switch (rng.below(3)) {
        case 0: changed[at] = static_cast<char>(rng.below(256)); break;
        case 1: changed.erase(at, rng.below(8)); break;
        default: changed.insert(at, changed.substr(rng.below(changed.size()), rng.below(20)));
      }
    }
    if (!check_template(changed)) ++errors;
  }
  EXPECT_GT(errors, 0);
}

TEST(Template, RuleFilesNameTheRuleAndTheLine) {
  const auto rules = [](std::string_view rule) {
    return parse_rule_file("groups:\n- name: g\n  rules:\n" + std::string(rule), "r.yml");
  };
  const auto wrong = rules(
      "  - alert: Down\n    expr: up == 0\n    annotations:\n      summary: '{{ $lables.job }}'\n");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "r.yml:7:16: alert \"Down\": annotation \"summary\": template: undefined variable "
            "\"$lables\"; did you mean $labels?, in \"{{ $lables.job }}\"");
  EXPECT_FALSE(rules("  - {alert: a, expr: up, labels: {x: '{{ if }}'}}\n"));
  EXPECT_TRUE(rules("  - {alert: a, expr: up, labels: {x: '{{ $value }}'}}\n"));
  // Nothing is filled in there.
  EXPECT_TRUE(rules("  - {record: a, expr: up, labels: {x: '{{ nothing'}}\n"));
}

}  // namespace prom5::config
