#include "worker/text/template_parser.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/template_expression_parser.h"

namespace hekla::text {
namespace {

using Statements = std::vector<TemplateStatement>;

class Parser {
 public:
  explicit Parser(TemplateTokens tokens) : tokens_(std::move(tokens)), expressions_(&tokens_) {}

  absl::StatusOr<Statements> Run() {
    HEKLA_ASSIGN_OR_RETURN(Statements statements, ParseBody({}));
    return statements;
  }

 private:
  using Names = std::initializer_list<absl::string_view>;

  // Statements up to a block of one of these names, of which {% and the name are taken; without names to the
  // end.
  absl::StatusOr<Statements> ParseBody(Names ends) {
    TemplateTokens::Depth depth(&tokens_);
    HEKLA_RETURN_IF_ERROR(depth.Check());
    Statements statements;
    while (!tokens_.Is(TemplateToken::kEnd)) {
      TemplateStatement statement;
      statement.line = tokens_.next().line;
      if (tokens_.Is(TemplateToken::kText)) {
        statement.text = tokens_.Take().text;
      } else if (tokens_.Is(TemplateToken::kOutputBegin)) {
        tokens_.Take();
        statement.kind = TemplateStatement::kOutput;
        HEKLA_ASSIGN_OR_RETURN(statement.expression, expressions_.ParseTuple());
        HEKLA_RETURN_IF_ERROR(tokens_.Expect(TemplateToken::kOutputEnd, "'}}'"));
      } else {
        HEKLA_RETURN_IF_ERROR(tokens_.Expect(TemplateToken::kBlockBegin, "a tag"));
        const absl::string_view name = tokens_.next().text;
        if (std::find(ends.begin(), ends.end(), name) != ends.end()) {
          ended_by_ = tokens_.Take().text;
          return statements;
        }
        HEKLA_RETURN_IF_ERROR(ParseBlock(&statement));
      }
      statements.push_back(std::move(statement));
    }
    if (ends.size() > 0) return tokens_.Error("the template ends, expected {% ", *ends.begin(), " %}");
    return statements;
  }

  absl::Status EndBlock() { return tokens_.Expect(TemplateToken::kBlockEnd, "'%}'"); }

  absl::Status ParseBlock(TemplateStatement* out) {
    HEKLA_ASSIGN_OR_RETURN(const std::string name, tokens_.ExpectName());
    if (name == "if") return ParseIf(out);
    if (name == "for") return ParseFor(out);
    if (name == "set") return ParseSet(out);
    if (name == "macro") return ParseMacro(out);
    if (name == "generation") {  // marks what the assistant says, for training
      out->kind = TemplateStatement::kScope;
      HEKLA_RETURN_IF_ERROR(EndBlock());
      HEKLA_ASSIGN_OR_RETURN(out->body, ParseBody({"endgeneration"}));
      return EndBlock();
    }
    if (name == "break" || name == "continue") {
      if (loops_ == 0) return tokens_.Error("{% ", name, " %} outside of a loop");
      out->kind = name == "break" ? TemplateStatement::kBreak : TemplateStatement::kContinue;
      return EndBlock();
    }
    for (absl::string_view known :
         {"else", "elif", "endif", "endfor", "endset", "endmacro", "endgeneration"}) {
      if (name == known) return tokens_.Error("{% ", name, " %} without a beginning");
    }
    return absl::UnimplementedError(
        absl::StrCat("template line ", tokens_.next().line, ": the statement '", name, "' is not known"));
  }

  absl::Status ParseIf(TemplateStatement* out) {
    TemplateTokens::Depth depth(&tokens_);  // an elif is an if in an else
    HEKLA_RETURN_IF_ERROR(depth.Check());
    out->kind = TemplateStatement::kIf;
    HEKLA_ASSIGN_OR_RETURN(out->expression, expressions_.ParseTuple());
    HEKLA_RETURN_IF_ERROR(EndBlock());
    HEKLA_ASSIGN_OR_RETURN(out->body, ParseBody({"endif", "elif", "else"}));
    if (ended_by_ == "elif") {
      TemplateStatement nested;
      nested.line = tokens_.next().line;
      HEKLA_RETURN_IF_ERROR(ParseIf(&nested));
      out->otherwise.push_back(std::move(nested));
      return absl::OkStatus();
    }
    if (ended_by_ == "else") {
      HEKLA_RETURN_IF_ERROR(EndBlock());
      HEKLA_ASSIGN_OR_RETURN(out->otherwise, ParseBody({"endif"}));
    }
    return EndBlock();
  }

  // NAME, or NAME, NAME, ..., perhaps in parentheses.
  absl::Status ParseTargets(std::vector<std::string>* targets) {
    const bool parentheses = tokens_.TakeOperator("(");
    do {
      HEKLA_ASSIGN_OR_RETURN(std::string name, tokens_.ExpectName());
      targets->push_back(std::move(name));
    } while (tokens_.TakeOperator(","));
    return parentheses ? tokens_.ExpectOperator(")") : absl::OkStatus();
  }

  absl::Status ParseFor(TemplateStatement* out) {
    out->kind = TemplateStatement::kFor;
    HEKLA_RETURN_IF_ERROR(ParseTargets(&out->targets));
    if (!tokens_.TakeName("in")) return tokens_.Error("expected 'in', found '", tokens_.next().text, "'");
    HEKLA_ASSIGN_OR_RETURN(out->expression, expressions_.Parse(/*conditional=*/false));
    if (tokens_.TakeName("if")) {
      HEKLA_ASSIGN_OR_RETURN(out->condition, expressions_.Parse());
    }
    if (tokens_.IsName("recursive")) {
      return absl::UnimplementedError(
          absl::StrCat("template line ", out->line, ": recursive loops are not known"));
    }
    HEKLA_RETURN_IF_ERROR(EndBlock());
    ++loops_;
    HEKLA_ASSIGN_OR_RETURN(out->body, ParseBody({"endfor", "else"}));
    --loops_;
    if (ended_by_ == "else") {
      HEKLA_RETURN_IF_ERROR(EndBlock());
      HEKLA_ASSIGN_OR_RETURN(out->otherwise, ParseBody({"endfor"}));
    }
    return EndBlock();
  }

  absl::Status ParseSet(TemplateStatement* out) {
    HEKLA_RETURN_IF_ERROR(ParseTargets(&out->targets));
    if (out->targets.size() == 1 && tokens_.TakeOperator(".")) {
      HEKLA_ASSIGN_OR_RETURN(out->text, tokens_.ExpectName());
    }
    if (tokens_.TakeOperator("=")) {
      out->kind = TemplateStatement::kSet;
      HEKLA_ASSIGN_OR_RETURN(out->expression, expressions_.ParseTuple());
      return EndBlock();
    }
    if (out->targets.size() != 1 || !out->text.empty() || !tokens_.Is(TemplateToken::kBlockEnd)) {
      return tokens_.Error("expected '=', found '", tokens_.next().text, "'");
    }
    out->kind = TemplateStatement::kSetBlock;
    HEKLA_RETURN_IF_ERROR(EndBlock());
    HEKLA_ASSIGN_OR_RETURN(out->body, ParseBody({"endset"}));
    return EndBlock();
  }

  absl::Status ParseMacro(TemplateStatement* out) {
    out->kind = TemplateStatement::kMacro;
    out->macro = std::make_unique<TemplateMacro>();
    HEKLA_ASSIGN_OR_RETURN(out->macro->name, tokens_.ExpectName());
    HEKLA_RETURN_IF_ERROR(tokens_.ExpectOperator("("));
    while (!tokens_.TakeOperator(")")) {
      HEKLA_ASSIGN_OR_RETURN(std::string name, tokens_.ExpectName());
      TemplateExpression::Ptr value;
      if (tokens_.TakeOperator("=")) {
        HEKLA_ASSIGN_OR_RETURN(value, expressions_.Parse());
      }
      out->macro->parameters.emplace_back(std::move(name), std::move(value));
      if (!tokens_.TakeOperator(",") && !tokens_.IsOperator(")")) return tokens_.ExpectOperator(")");
    }
    HEKLA_RETURN_IF_ERROR(EndBlock());
    const int loops = std::exchange(loops_, 0);
    HEKLA_ASSIGN_OR_RETURN(out->macro->body, ParseBody({"endmacro"}));
    loops_ = loops;
    return EndBlock();
  }

  TemplateTokens tokens_;
  TemplateExpressionParser expressions_;
  std::string ended_by_;  // the block that ended the last body
  int loops_ = 0;         // around the statement
};

}  // namespace

absl::StatusOr<Statements> ParseTemplate(absl::string_view source) {
  HEKLA_ASSIGN_OR_RETURN(std::vector<TemplateToken> tokens, LexTemplate(source));
  return Parser(TemplateTokens(std::move(tokens))).Run();
}

}  // namespace hekla::text
