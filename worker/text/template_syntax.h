// The syntax tree of a chat template: what the parser makes and the renderer walks. Plain data.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_SYNTAX_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_SYNTAX_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/text/template_value.h"

namespace hekla::text {

struct TemplateExpression {
  enum Kind {
    kLiteral,      // literal
    kName,         // text
    kList,         // children
    kDict,         // children: key, value, key, value, ...
    kAttribute,    // children[0].text
    kItem,         // children[0][children[1]]
    kSlice,        // children[0][children[1]:children[2]:children[3]], each of the last three may be null
    kCall,         // children[0](children[1], ..., named)
    kFilter,       // children[0] | text(children[1], ..., named)
    kTest,         // children[0] is text(children[1], ...)
    kNot,          // children[0]
    kNegate,       // children[0]
    kArithmetic,   // children[0] text children[1]; text is + - * / // % ~
    kAnd,          // children[0], children[1]
    kOr,           // children[0], children[1]
    kComparison,   // children[0] operators[0] children[1] operators[1] children[2] ...
    kConditional,  // children[1] if children[0] else children[2], which may be null
  };
  using Ptr = std::unique_ptr<TemplateExpression>;

  Kind kind = kLiteral;
  int line = 0;
  std::string text;
  TemplateValue literal;
  std::vector<Ptr> children;
  std::vector<std::pair<std::string, Ptr>> named;
  std::vector<std::string> operators;  // ==, !=, <, <=, >, >=, "in", "not in"
};

struct TemplateStatement {
  enum Kind {
    kText,      // text
    kOutput,    // expression
    kFor,       // targets in expression, if condition; body; otherwise when nothing was iterated over
    kIf,        // expression; body; otherwise
    kSet,       // targets, or targets[0].text, become expression
    kSetBlock,  // targets[0] becomes the output of body
    kMacro,     // macro
    kScope,     // body
    kBreak,
    kContinue,
  };

  Kind kind = kText;
  int line = 0;
  std::string text;
  std::vector<std::string> targets;
  TemplateExpression::Ptr expression, condition;
  std::vector<TemplateStatement> body, otherwise;
  std::unique_ptr<TemplateMacro> macro;
};

struct TemplateMacro {
  std::string name;
  std::vector<std::pair<std::string, TemplateExpression::Ptr>> parameters;  // with default values, or null
  std::vector<TemplateStatement> body;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_SYNTAX_H_
