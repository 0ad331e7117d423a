// The expressions of a chat template, by recursive descent with Jinja's precedences, over the tokens that the
// statements' parser shares with it. Pure.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_EXPRESSION_PARSER_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_EXPRESSION_PARSER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "worker/text/template_lexer.h"
#include "worker/text/template_syntax.h"

namespace hekla::text {

// Nesting of expressions and statements, and so the depth of the stack when they are parsed and rendered.
inline constexpr int kMaxTemplateDepth = 48;
inline constexpr int kMaxTemplateChain = 128;

class TemplateTokens {
 public:
  explicit TemplateTokens(std::vector<TemplateToken> tokens) : tokens_(std::move(tokens)) {}

  const TemplateToken& next() const { return tokens_[at_]; }
  const TemplateToken& after_next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool Is(TemplateToken::Kind kind) const { return next().kind == kind; }
  bool IsName(absl::string_view text) const { return Is(TemplateToken::kName) && next().text == text; }
  bool IsOperator(absl::string_view text) const {
    return Is(TemplateToken::kOperator) && next().text == text;
  }
  TemplateToken Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  // Takes the token if it is this one.
  bool TakeName(absl::string_view text) { return IsName(text) && (Take(), true); }
  bool TakeOperator(absl::string_view text) { return IsOperator(text) && (Take(), true); }
  absl::Status Expect(TemplateToken::Kind kind, absl::string_view what);
  absl::Status ExpectOperator(absl::string_view text);
  absl::StatusOr<std::string> ExpectName();

  template <typename... Args>
  absl::Status Error(const Args&... args) const {
    return absl::InvalidArgumentError(absl::StrCat("template line ", next().line, ": ", args...));
  }

  // Counts nesting while it lives.
  class Depth {
   public:
    explicit Depth(TemplateTokens* tokens) : tokens_(tokens) { ++tokens_->depth_; }
    ~Depth() { --tokens_->depth_; }
    absl::Status Check() const;

   private:
    TemplateTokens* const tokens_;
  };

 private:
  const std::vector<TemplateToken> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

class TemplateExpressionParser {
 public:
  explicit TemplateExpressionParser(TemplateTokens* tokens) : tokens_(tokens) {}

  using Ptr = TemplateExpression::Ptr;
  // An expression; with `conditional` also A if B else C.
  absl::StatusOr<Ptr> Parse(bool conditional = true);
  // One expression, or several with commas between, which make a list.
  absl::StatusOr<Ptr> ParseTuple();

 private:
  Ptr Make(TemplateExpression::Kind kind, std::string text = "") const;
  absl::StatusOr<Ptr> ParseOr();
  absl::StatusOr<Ptr> ParseAnd();
  absl::StatusOr<Ptr> ParseNot();
  absl::StatusOr<Ptr> ParseComparison();
  absl::StatusOr<Ptr> ParseArithmetic(int level);
  absl::StatusOr<Ptr> ParseUnary(bool filters);
  absl::StatusOr<Ptr> ParsePostfix(Ptr base, bool filters);
  absl::StatusOr<Ptr> ParseFilter(Ptr base);
  absl::StatusOr<Ptr> ParseTest(Ptr base);
  absl::StatusOr<Ptr> ParseSubscript(Ptr base);
  absl::StatusOr<Ptr> ParsePrimary();
  absl::StatusOr<Ptr> ParseConstantOrName();
  absl::StatusOr<Ptr> ParseBracketed();
  absl::Status ParseArguments(TemplateExpression* call);
  absl::Status CheckChain(int links) const;

  TemplateTokens* const tokens_;
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_EXPRESSION_PARSER_H_
