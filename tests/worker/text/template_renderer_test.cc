// The template language, case by case: what Jinja (3.1, with trim_blocks and lstrip_blocks) makes of each.
#include "worker/text/template_renderer.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/text/chat_template.h"

namespace hekla::text {
namespace {

struct Case {
  const char* source;
  const char* output;
};

const Case kCases[] = {
    {R"T(a
  {% if true %}
  b
  {% endif %}
c
)T",
     R"T(a
  b
c)T"},
    {R"T(a {%- if true -%} b {%- endif -%} c)T", R"T(abc)T"},
    {"a\n  {{- 'x' -}}  \n b", R"T(axb)T"},
    {R"T(  {# note #}
 x {# y #} z)T",
     R"T( x  z)T"},
    {R"T({% raw %}{{ not }} {% if %}{% endraw %}!)T", R"T({{ not }} {% if %}!)T"},
    {R"T(a
   {%+ if true %}b{% endif +%}
c)T",
     R"T(a
   b
c)T"},
    {R"T(x

)T",
     R"T(x
)T"},
    {R"T({{ 1 + 2 * 3 - 4 // 3 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ -7 // 2 }} {{ 7 / 2 }} {{ 1.5 * 2 }})T",
     R"T(6 1 2 -4 3.5 3.0)T"},
    {R"T({{ 'a' ~ 1 ~ none ~ true ~ 2.0 }} {{ 'ab' * 3 }} {{ [1] + [2, 3] }})T",
     R"T(a1NoneTrue2.0 ababab [1, 2, 3])T"},
    {R"T({{ 1 < 2 < 3 }} {{ 1 < 2 > 2 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'x' != 'y')T"
     R"T( }})T",
     R"T(True False True True True True)T"},
    {R"T({{ not true or false }} {{ '' or 'x' }} {{ 'a' and 'b' }} {{ not [] }} {{ none or 0 }})T",
     R"T(False x b True 0)T"},
    {R"T({{ 'b' in 'abc' }} {{ 4 not in [1, 2] }} {{ 'role' in messages[0] }} {{ 'x' in missing }})T",
     R"T(True True True False)T"},
    {R"T({{ 'yes' if 1 else 'no' }} {{ 'yes' if 0 else 'no' }}{{ 'gone' if false }})T", R"T(yes no)T"},
    {R"T({{ 'it''s' }} {{ "q\"q" }} {{ 'tab\tnl\nend' }} {{ '\x41\u00e9' }})T",
     R"T(its q"q tab	nl
end Aé)T"},
    {R"T({{ [1, 'two', 3.5, none, true, [4], {'k': 'v'}] }} {{ (1, 2)[1] }})T",
     R"T([1, 'two', 3.5, None, True, [4], {'k': 'v'}] 2)T"},
    {R"T({{ messages[-1]['role'] }} {{ messages[0].role }} {{ messages[9] }} {{ messages[0].none_such)T"
     R"T( }}|)T",
     R"T(assistant user  |)T"},
    {R"T({{ 'abcdef'[1:3] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[-2:] }} {{ [1, 2, 3, 4, 5][::2] }} {{ [)T"
     R"T(1, 2, 3][5:] }} {{ 'héllo'[1] }})T",
     R"T(bc fedcba ef [1, 3, 5] [] é)T"},
    {R"T({{ [1, 2, 3, 4][3:0:-2] }} {{ 'abc'[:-1] }} {{ 'abc'[10:-10:-1] }})T", R"T([4, 2] ab cba)T"},
    {R"T({{ {'a': 1, 'b': [2]}['b'][0] }} {{ {'a': 1}.a }} {{ {'x': {'y': 3}}.x.y }})T", R"T(2 1 3)T"},
    {R"T({% for x in [1, 2, 3] %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfo)T"
     R"T(r %})T",
     R"T(1/3,2/3,3/3)T"},
    {R"T({% for x in [1, 2, 3] %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.firs)T"
     R"T(t }} {% endfor %})T",
     R"T(032True 121False 210False )T"},
    {R"T({% for x in [1, 2, 3, 4] if x % 2 == 0 %}{{ loop.index }}:{{ x }} {% else %}none{% endfor %})T",
     R"T(1:2 2:4 )T"},
    {R"T({% for x in [] %}a{% else %}empty{% endfor %})T", R"T(empty)T"},
    {R"T({% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %})T", R"T(a=1;b=2;)T"},
    {R"T({% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}{% for c in 'hé' %}[{{ c }}]{% endfor %})T",
     R"T(ab[h][é])T"},
    {R"T({% for x in [1, 2, 3, 4, 5] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% brea)T"
     R"T(k %}{% endif %}{{ x }}{% endfor %})T",
     R"T(13)T"},
    {R"T({% for a in [1, 2] %}{% for b in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }};{% en)T"
     R"T(dfor %})T",
     R"T(121;122;)T"},
    {R"T({% for x in [1, 2, 3] %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %})T",
     R"T(<1>2 1<2>3 2<3> )T"},
    {R"T({% set x = 1 %}{% for i in [1, 2] %}{% set x = 5 %}{% endfor %}{{ x }}{% if true %}{% set x )T"
     R"T(= 9 %}{% endif %}{{ x }})T",
     R"T(19)T"},
    {R"T({% set ns = namespace(n=0, s='') %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% set ns)T"
     R"T(.s = ns.s ~ i %}{% endfor %}{{ ns.n }} {{ ns.s }})T",
     R"T(6 0123)T"},
    {R"T({% set a, b = 1, 2 %}{{ b }}{{ a }}{% set t %}[{{ a }}]{% endset %}{{ t }})T", R"T(21[1])T"},
    {R"T({% if 0 %}a{% elif '' %}b{% elif [1] %}c{% else %}d{% endif %})T", R"T(c)T"},
    {R"T({% macro m(a, b='B') %}<{{ a }}{{ b }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) })T"
     R"T(})T",
     R"T(<1B><12><43>)T"},
    {R"T({% set g = 'G' %}{% macro m() %}{{ g }}{{ x }}{% endmacro %}{% for x in [1] %}{{ m() }}{% en)T"
     R"T(dfor %})T",
     R"T(G)T"},
    {R"T({% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }})T",
     R"T(3210)T"},
    {R"T({{ x is defined }} {{ messages is defined }} {{ x is undefined }} {{ none is none }} {{ 1 is)T"
     R"T( not none }})T",
     R"T(False True True True True)T"},
    {R"T({{ 'a' is string }} {{ 1 is number }} {{ 1 is string }} {{ {} is mapping }} {{ [] is iterabl)T"
     R"T(e }} {{ 'a' is sequence }} {{ true is boolean }} {{ 1 is integer }} {{ 1.0 is float }})T",
     R"T(True True False True True True True True True)T"},
    {R"T({{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 1 is eq(1) }} {{ 1 is equalto 2 })T"
     R"T(} {{ false is false }} {{ 2 is in [1, 2] }} {{ 3 is ge 3 }})T",
     R"T(True False True True False True True True)T"},
    {R"T({{ range is defined }} {{ raise_exception is defined }} {{ strftime_now is defined }})T",
     R"T(True True False)T"},
    {R"T([{{ '  a b ' | trim }}] [{{ 'xxaxx' | trim('x') }}] {{ 'ab' | upper }} {{ 'AB' | lower }} {{)T"
     R"T( 'hello World' | capitalize }} {{ 'hello wORLD' | title }})T",
     R"T([a b] [a] AB ab Hello world Hello World)T"},
    {R"T({{ [1, 2, 3] | length }} {{ 'hé' | length }} {{ messages | count }} {{ x | default('d') }} {)T"
     R"T({ '' | default('e', true) }} {{ '' | default('f') }}|)T",
     R"T(3 2 2 d e |)T"},
    {R"T({{ [1, 2] | first }} {{ [1, 2] | last }} {{ [1, 2] | join(', ') }} {{ messages | map(attribu)T"
     R"T(te='role') | join('/') }} {{ ['a', 'b'] | map('upper') | list }})T",
     R"T(1 2 1, 2 user/assistant ['A', 'B'])T"},
    {R"T({{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejecta)T"
     R"T(ttr('role', 'eq', 'user') | map(attribute='content') | first }} {{ [1, 0, 2] | select | list)T"
     R"T( }} {{ [1, 2, 3] | reject('odd') | list }} {{ messages | selectattr('content') | list | leng)T"
     R"T(th }})T",
     R"T(1 Hello <b> [1, 2] [2] 2)T"},
    {R"T({{ 'a-b-c' | replace('-', '+') }} {{ 'aaa' | replace('a', 'b', 2) }} {{ 'abc' | reverse }} {)T"
     R"T({ [3, 1, 2] | sort }} {{ '12' | int + 1 }} {{ 'x' | int(7) }} {{ -3 | abs }} {{ 5 | string ~)T"
     R"T( 'x' }})T",
     R"T(a+b+c bba cba [1, 2, 3] 13 7 3 5x)T"},
    {R"T({{ {'b': 1, 'a': [true, none, 1.5, "q'\""]} | tojson }}|{{ messages[1] | tojson(indent=2) }})T"
     R"T(|{{ [] | tojson(indent=2) }}|{{ '<é>' | tojson }})T",
     R"T({"b": 1, "a": [true, null, 1.5, "q'\""]}|{
  "role": "assistant",
  "content": "Hello <b>"
}|[]|"<é>")T"},
    {"{% for k, v in {'b': 1, 'a': 2} | dictsort %}{{ k }}{{ v }}{% endfor %} "
     "{% for k, v in {'b': 1} | items %}{{ k }}{{ v }}{% endfor %} "
     "{{ 'l1\\nl2' | indent(2) }} {{ 'l1\\n\\nl2' | indent(2, true) }}",
     "a2b1 b1 l1\n  l2   l1\n\n  l2"},
    {"{{ -2 | abs }} {{ 2 - -1 }} {{ 3 is in [1, 3] and 1 is not in [2] }}", "2 3 True"},
    {R"T({{ 'a,b' | safe }} {{ 'abc' | list }} {{ [1, 2] | map('string') | join }})T",
     R"T(a,b ['a', 'b', 'c'] 12)T"},
    {R"T([{{ ' a '.strip() }}] [{{ ' a '.lstrip() }}] [{{ ' a '.rstrip() }}] [{{ 'xay'.strip('xy') }})T"
     R"T(])T",
     R"T([a] [a ] [ a] [a])T"},
    {R"T({{ 'a,b,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rspli)T"
     R"T(t(',', 1) }} {{ 'a b c'.rsplit(none, 1) }} {{ ''.split(',') }} {{ ''.split() }})T",
     R"T(['a', 'b', 'c'] ['a', 'b'] ['a', 'b,c'] ['a,b', 'c'] ['a b', 'c'] [''] [])T"},
    {R"T({{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ 'abc')T"
     R"T(.find('x') }} {{ 'banana'.count('an') }} {{ 'abc'.replace('b', 'x') }})T",
     R"T(True True 2 -1 2 axc)T"},
    {R"T({{ 'Ab'.upper() }} {{ 'Ab'.lower() }} {{ 'ab cd'.title() }} {{ 'ab CD'.capitalize() }} {{ ',)T"
     R"T('.join(['a', 'b']) }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ '12'.isdigit() }} {{ 'preX'.remove)T"
     R"T(prefix('pre') }} {{ 'Xsuf'.removesuffix('suf') }})T",
     R"T(AB ab Ab Cd Ab cd a,b ['a', 'b', 'c'] True X X)T"},
    {R"T({{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'a': 1}.get('a') }} {{ {'a':)T"
     R"T( 1}.get('b', 5) }} {{ {'a': 1}.get('b') }})T",
     R"T(['a'] [1] 1 5 None)T"},
    {R"T({{ dict(a=1, b=2) }} {{ range(3) | list }} {{ range(5, 0, -2) | list }})T",
     R"T({'a': 1, 'b': 2} [0, 1, 2] [5, 3, 1])T"},
    {R"T({% generation %}kept{% endgeneration %})T", R"T(kept)T"},
    {R"T({{ messages[0]['content'] | trim + '!' }} {{ -2 | abs }} {{ not 'a' in 'b' }} {{ 2 * 3 ~ 'x')T"
     R"T( }} {{ 1 ~ 2 * 3 }})T",
     R"T(Hi! 2 True 6x 16)T"},
};

absl::StatusOr<std::string> RenderText(absl::string_view source,
                                       int64_t max_steps = ChatTemplate::kMaxSteps) {
  auto made = ChatTemplate::Create(source, "<s>", "</s>");
  if (!made.ok()) return made.status();
  return (*made)->Render({{"user", " Hi "}, {"assistant", "Hello <b>"}}, true, max_steps);
}

TEST(TemplateRendererTest, SpeaksTheLanguageAsJinjaDoes) {
  for (const Case& each : kCases) {
    const absl::StatusOr<std::string> text = RenderText(each.source);
    ASSERT_TRUE(text.ok()) << each.source << ": " << text.status();
    EXPECT_EQ(*text, each.output) << each.source;
  }
}

struct Refusal {
  const char* source;
  absl::StatusCode code;
  const char* message;
};

TEST(TemplateRendererTest, SaysWhatIsWrongAndWhere) {
  const absl::StatusCode unknown = absl::StatusCode::kUnimplemented,
                         wrong = absl::StatusCode::kFailedPrecondition,
                         malformed = absl::StatusCode::kInvalidArgument;
  const Refusal refusals[] = {
      {"\n{% include 'x' %}", unknown, "template line 2: the statement 'include' is not known"},
      {"{{ 1 | nonsense }}", unknown, "template line 1: the filter 'nonsense' is not known"},
      {"a\n{{ 1 is nonsense }}", unknown, "template line 2: the test 'nonsense' is not known"},
      {"{{ 'a'.nonsense() }}", unknown, "template line 1: the method 'nonsense' of a text is not known"},
      {"{{ nonsense(1) }}", unknown, "template line 1: the function 'nonsense' is not known"},
      {"{{ [1].append(2) }}", unknown, "template line 1: the method 'append' of a list is not known"},
      {"{% for x in [1] recursive %}{% endfor %}", unknown, "template line 1: recursive loops are not known"},
      {"{{ x.y }}", wrong, "template line 1: 'x' is undefined"},
      {"{{ x + 1 }}", wrong, "template line 1: 'x' is undefined"},
      {"{{ messages[0].nothing.more }}", wrong, "template line 1: 'nothing' is undefined"},
      {"{{ 'a' + 1 }}", wrong, "template line 1: '+' is not for a text and an integer"},
      {"{{ 'a' < 1 }}", wrong, "template line 1: '<' is not for a text and an integer"},
      {"{{ 1 // 0 }}", wrong, "template line 1: a division by zero"},
      {"{{ 9223372036854775807 + 1 }}", wrong, "template line 1: '+' overflows"},
      {"{% for x in 5 %}{% endfor %}", wrong, "template line 1: an integer has no elements"},
      {"{% set a, b = [1] %}", wrong, "template line 1: 1 values for 2 names"},
      {"{% set x = 1 %}{% set x.y = 2 %}", wrong, "template line 1: 'x' is an integer, not a namespace"},
      {"{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", wrong,
       "template line 1: the macro m takes 1 arguments, not 2"},
      {"{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", wrong, "template line 1: the macro m has no b"},
      {"{{ raise_exception('no such role') }}", malformed, "no such role"},
      {"{% if true %}", malformed, "template line 1: the template ends, expected {% endif %}"},
      {"{% endif %}", malformed, "template line 1: {% endif %} without a beginning"},
      {"{% break %}", malformed, "template line 1: {% break %} outside of a loop"},
      {"{{ 1 ", malformed, "template line 1: a tag does not end with }}"},
      {"{{ (1 }}", malformed, "template line 1: unexpected '}'"},
      {"{{ 'a }}", malformed, "template line 1: a string does not end"},
      {"{# a", malformed, "template line 1: a comment does not end"},
      {"{{ 1 1 }}", malformed, "template line 1: expected '}}', found '1'"},
      {"{{ 2 ** 3 }}", malformed, "template line 1: the operator ** is not known"},
      {"{{ ? }}", malformed, "template line 1: unexpected character '?'"},
  };
  for (const Refusal& refusal : refusals) {
    const absl::Status status = RenderText(refusal.source).status();
    EXPECT_EQ(status.code(), refusal.code) << refusal.source << ": " << status;
    EXPECT_EQ(status.message(), refusal.message) << refusal.source;
  }
}

// Each of these would run for ever, or need more memory or stack than there is.
TEST(TemplateRendererTest, EverythingIsBounded) {
  std::string deep_parentheses = std::string(5000, '(') + "1" + std::string(5000, ')'), long_sum = "{{ 1",
              deep_ifs;
  for (int i = 0; i < 5000; ++i) long_sum += " + 1", deep_ifs += "{% if true %}";
  const std::string sources[] = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{{ range(100000000) }}",
      "{{ 'x' * 100000000 }}",
      "{% set ns = namespace(s='x') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ "
      "ns.l }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
      "{{ ns.l | tojson }}",
      "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(40) %}{% set n.a = [n.a, n.a] %}"
      "{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set s = 'x' * 9000000 %}{{ [s, s, s] | join }}",
      "{% set s = 'x' * 9000000 %}{{ s.replace('x', 'yyyy') }}",
      "{% set s = 'x' * 9000000 %}{{ s }}{{ s }}",
      "{{ " + deep_parentheses + " }}",
      long_sum + " }}",
      deep_ifs,
      std::string((1 << 20) + 1, 'x'),
  };
  for (const std::string& source : sources) {
    const absl::Status status = RenderText(source).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status))
        << source.substr(0, 100) << ": " << status;
  }
  EXPECT_TRUE(RenderText("{% for i in range(10) %}{{ i }}{% endfor %}", 100).ok());
  EXPECT_EQ(RenderText("{% for i in range(90) %}{{ i }}{% endfor %}", 100).status().message(),
            "template line 1: rendering takes more than 100 steps");
  EXPECT_FALSE(RenderText("{% set ns = namespace() %}{% set ns.self = [ns] %}").ok()) << "a cycle";
}

}  // namespace
}  // namespace hekla::text
