#include "worker/text/template_expression_parser.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "worker/base/status_macros.h"

namespace hekla::text {

using Kind = TemplateExpression::Kind;
using Ptr = TemplateExpression::Ptr;

absl::Status TemplateTokens::Expect(TemplateToken::Kind kind, absl::string_view what) {
  if (!Is(kind)) return Error("expected ", what, ", found '", next().text, "'");
  Take();
  return absl::OkStatus();
}

absl::Status TemplateTokens::ExpectOperator(absl::string_view text) {
  if (!TakeOperator(text)) return Error("expected '", text, "', found '", next().text, "'");
  return absl::OkStatus();
}

absl::StatusOr<std::string> TemplateTokens::ExpectName() {
  if (!Is(TemplateToken::kName)) return Error("expected a name, found '", next().text, "'");
  return Take().text;
}

absl::Status TemplateTokens::Depth::Check() const {
  if (tokens_->depth_ <= kMaxTemplateDepth) return absl::OkStatus();
  return tokens_->Error("nested deeper than ", kMaxTemplateDepth, " levels");
}

Ptr TemplateExpressionParser::Make(Kind kind, std::string text) const {
  auto made = std::make_unique<TemplateExpression>();
  made->kind = kind;
  made->line = tokens_->next().line;
  made->text = std::move(text);
  return made;
}

// Operators of one level in a row make a tree as deep as they are many.
absl::Status TemplateExpressionParser::CheckChain(int links) const {
  if (links <= kMaxTemplateChain) return absl::OkStatus();
  return tokens_->Error("a chain of more than ", kMaxTemplateChain, " links");
}

absl::StatusOr<Ptr> TemplateExpressionParser::Parse(bool conditional) {
  TemplateTokens::Depth depth(tokens_);
  HEKLA_RETURN_IF_ERROR(depth.Check());
  HEKLA_ASSIGN_OR_RETURN(Ptr value, ParseOr());
  for (int links = 0; conditional && tokens_->IsName("if"); ++links) {
    HEKLA_RETURN_IF_ERROR(CheckChain(links));
    Ptr made = Make(Kind::kConditional);
    tokens_->Take();
    HEKLA_ASSIGN_OR_RETURN(Ptr condition, ParseOr());
    Ptr otherwise;
    if (tokens_->TakeName("else")) {
      HEKLA_ASSIGN_OR_RETURN(otherwise, Parse());
    }
    made->children.push_back(std::move(condition));
    made->children.push_back(std::move(value));
    made->children.push_back(std::move(otherwise));
    value = std::move(made);
  }
  return value;
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseTuple() {
  HEKLA_ASSIGN_OR_RETURN(Ptr first, Parse());
  if (!tokens_->IsOperator(",")) return first;
  Ptr made = Make(Kind::kList);
  made->children.push_back(std::move(first));
  while (tokens_->TakeOperator(",")) {
    if (tokens_->Is(TemplateToken::kBlockEnd) || tokens_->Is(TemplateToken::kOutputEnd) ||
        tokens_->IsOperator(")")) {
      break;
    }
    HEKLA_ASSIGN_OR_RETURN(Ptr more, Parse());
    made->children.push_back(std::move(more));
  }
  return made;
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseOr() {
  HEKLA_ASSIGN_OR_RETURN(Ptr left, ParseAnd());
  for (int links = 0; tokens_->IsName("or"); ++links) {
    HEKLA_RETURN_IF_ERROR(CheckChain(links));
    Ptr made = Make(Kind::kOr);
    tokens_->Take();
    HEKLA_ASSIGN_OR_RETURN(Ptr right, ParseAnd());
    made->children.push_back(std::move(left));
    made->children.push_back(std::move(right));
    left = std::move(made);
  }
  return left;
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseAnd() {
  HEKLA_ASSIGN_OR_RETURN(Ptr left, ParseNot());
  for (int links = 0; tokens_->IsName("and"); ++links) {
    HEKLA_RETURN_IF_ERROR(CheckChain(links));
    Ptr made = Make(Kind::kAnd);
    tokens_->Take();
    HEKLA_ASSIGN_OR_RETURN(Ptr right, ParseNot());
    made->children.push_back(std::move(left));
    made->children.push_back(std::move(right));
    left = std::move(made);
  }
  return left;
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseNot() {
  if (!tokens_->IsName("not")) return ParseComparison();
  TemplateTokens::Depth depth(tokens_);
  HEKLA_RETURN_IF_ERROR(depth.Check());
  Ptr made = Make(Kind::kNot);
  tokens_->Take();
  HEKLA_ASSIGN_OR_RETURN(Ptr operand, ParseNot());
  made->children.push_back(std::move(operand));
  return made;
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseComparison() {
  HEKLA_ASSIGN_OR_RETURN(Ptr first, ParseArithmetic(0));
  Ptr made;
  while (true) {
    std::string op;
    for (const char* known : {"==", "!=", "<", "<=", ">", ">="}) {
      if (tokens_->IsOperator(known)) op = known;
    }
    if (tokens_->IsName("in")) op = "in";
    if (tokens_->IsName("not") && tokens_->after_next().text == "in") op = "not in";
    if (op.empty()) break;
    if (made == nullptr) {
      made = Make(Kind::kComparison);
      made->children.push_back(std::move(first));
    }
    tokens_->Take();
    if (op == "not in") tokens_->Take();
    made->operators.push_back(op);
    HEKLA_ASSIGN_OR_RETURN(Ptr operand, ParseArithmetic(0));
    made->children.push_back(std::move(operand));
  }
  return made == nullptr ? std::move(first) : std::move(made);
}

// Level 0: + and -, 1: ~, 2: * / // %.
absl::StatusOr<Ptr> TemplateExpressionParser::ParseArithmetic(int level) {
  static const std::vector<std::vector<std::string>> kOperators = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}};
  if (level == 3) return ParseUnary(/*filters=*/true);
  HEKLA_ASSIGN_OR_RETURN(Ptr left, ParseArithmetic(level + 1));
  for (int links = 0;; ++links) {
    HEKLA_RETURN_IF_ERROR(CheckChain(links));
    std::string op;
    for (const std::string& known : kOperators[level]) {
      if (tokens_->IsOperator(known)) op = known;
    }
    if (tokens_->IsOperator("**")) return tokens_->Error("the operator ** is not known");
    if (op.empty()) return left;
    Ptr made = Make(Kind::kArithmetic, op);
    tokens_->Take();
    HEKLA_ASSIGN_OR_RETURN(Ptr right, ParseArithmetic(level + 1));
    made->children.push_back(std::move(left));
    made->children.push_back(std::move(right));
    left = std::move(made);
  }
}

// Filters and tests are of the whole with its sign; attributes and calls of what follows the sign.
absl::StatusOr<Ptr> TemplateExpressionParser::ParseUnary(bool filters) {
  TemplateTokens::Depth depth(tokens_);
  HEKLA_RETURN_IF_ERROR(depth.Check());
  Ptr base;
  if (tokens_->IsOperator("-") || tokens_->IsOperator("+")) {
    Ptr made = Make(Kind::kNegate);
    const bool plus = tokens_->Take().text == "+";
    HEKLA_ASSIGN_OR_RETURN(base, ParseUnary(/*filters=*/false));
    if (!plus) {
      made->children.push_back(std::move(base));
      base = std::move(made);
    }
  } else {
    HEKLA_ASSIGN_OR_RETURN(base, ParsePrimary());
  }
  return ParsePostfix(std::move(base), filters);
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParsePostfix(Ptr base, bool filters) {
  for (int links = 0;; ++links) {
    HEKLA_RETURN_IF_ERROR(CheckChain(links));
    if (tokens_->IsOperator(".")) {
      Ptr made = Make(Kind::kAttribute);
      tokens_->Take();
      made->children.push_back(std::move(base));
      if (tokens_->Is(TemplateToken::kInteger)) {  // x.0 is x[0]
        made->kind = Kind::kItem;
        made->children.push_back(Make(Kind::kLiteral));
        HEKLA_ASSIGN_OR_RETURN(made->children[1], ParsePrimary());
      } else {
        HEKLA_ASSIGN_OR_RETURN(made->text, tokens_->ExpectName());
      }
      base = std::move(made);
    } else if (tokens_->IsOperator("[")) {
      HEKLA_ASSIGN_OR_RETURN(base, ParseSubscript(std::move(base)));
    } else if (tokens_->IsOperator("(")) {
      Ptr made = Make(Kind::kCall);
      made->children.push_back(std::move(base));
      HEKLA_RETURN_IF_ERROR(ParseArguments(made.get()));
      base = std::move(made);
    } else if (filters && tokens_->IsOperator("|")) {
      HEKLA_ASSIGN_OR_RETURN(base, ParseFilter(std::move(base)));
    } else if (filters && tokens_->IsName("is")) {
      HEKLA_ASSIGN_OR_RETURN(base, ParseTest(std::move(base)));
    } else {
      return base;
    }
  }
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseFilter(Ptr base) {
  Ptr made = Make(Kind::kFilter);
  HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator("|"));
  HEKLA_ASSIGN_OR_RETURN(made->text, tokens_->ExpectName());
  made->children.push_back(std::move(base));
  if (tokens_->IsOperator("(")) HEKLA_RETURN_IF_ERROR(ParseArguments(made.get()));
  return made;
}

// `x is name`, `x is not name`, `x is name(args)`, `x is name arg`.
absl::StatusOr<Ptr> TemplateExpressionParser::ParseTest(Ptr base) {
  Ptr made = Make(Kind::kTest);
  tokens_->Take();
  const bool negated = tokens_->TakeName("not");
  HEKLA_ASSIGN_OR_RETURN(made->text, tokens_->ExpectName());
  made->children.push_back(std::move(base));
  const auto is_word = [this] {
    for (const char* word : {"else", "or", "and", "is", "if", "not", "in"}) {
      if (tokens_->IsName(word)) return true;
    }
    return false;
  };
  if (tokens_->IsOperator("(")) {
    HEKLA_RETURN_IF_ERROR(ParseArguments(made.get()));
  } else if ((tokens_->Is(TemplateToken::kName) && !is_word()) || tokens_->Is(TemplateToken::kString) ||
             tokens_->Is(TemplateToken::kInteger) || tokens_->Is(TemplateToken::kFloat) ||
             tokens_->IsOperator("[") || tokens_->IsOperator("{")) {
    HEKLA_ASSIGN_OR_RETURN(Ptr argument, ParsePrimary());
    HEKLA_ASSIGN_OR_RETURN(argument, ParsePostfix(std::move(argument), /*filters=*/false));
    made->children.push_back(std::move(argument));
  }
  if (!negated) return made;
  Ptr outer = Make(Kind::kNot);
  outer->children.push_back(std::move(made));
  return outer;
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseSubscript(Ptr base) {
  Ptr made = Make(Kind::kItem);
  HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator("["));
  made->children.push_back(std::move(base));
  Ptr part;
  if (!tokens_->IsOperator(":")) {
    HEKLA_ASSIGN_OR_RETURN(part, Parse());
  }
  made->children.push_back(std::move(part));
  while (tokens_->TakeOperator(":")) {
    made->kind = Kind::kSlice;
    part = nullptr;
    if (!tokens_->IsOperator(":") && !tokens_->IsOperator("]")) {
      HEKLA_ASSIGN_OR_RETURN(part, Parse());
    }
    made->children.push_back(std::move(part));
    if (made->children.size() > 4) return tokens_->Error("a slice has three parts at most");
  }
  HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator("]"));
  if (made->kind == Kind::kSlice) made->children.resize(4);
  return made;
}

absl::Status TemplateExpressionParser::ParseArguments(TemplateExpression* call) {
  HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator("("));
  while (!tokens_->IsOperator(")")) {
    if (tokens_->Is(TemplateToken::kName) && tokens_->after_next().text == "=" &&
        tokens_->after_next().kind == TemplateToken::kOperator) {
      std::string name = tokens_->Take().text;
      tokens_->Take();
      HEKLA_ASSIGN_OR_RETURN(Ptr value, Parse());
      call->named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call->named.empty()) return tokens_->Error("a positional argument after a named one");
      HEKLA_ASSIGN_OR_RETURN(Ptr value, Parse());
      call->children.push_back(std::move(value));
    }
    if (!tokens_->TakeOperator(",") && !tokens_->IsOperator(")")) return tokens_->ExpectOperator(")");
  }
  return tokens_->ExpectOperator(")");
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParsePrimary() {
  Ptr made = Make(Kind::kLiteral);
  switch (tokens_->next().kind) {
    case TemplateToken::kName:
      return ParseConstantOrName();
    case TemplateToken::kString: {
      std::string text;
      while (tokens_->Is(TemplateToken::kString)) text += tokens_->Take().text;
      made->literal = TemplateValue(std::move(text));
      return made;
    }
    case TemplateToken::kInteger: {
      int64_t value = 0;
      if (!absl::SimpleAtoi(tokens_->next().text, &value)) return tokens_->Error("an integer is too large");
      tokens_->Take();
      made->literal = TemplateValue(value);
      return made;
    }
    case TemplateToken::kFloat: {
      double value = 0;
      if (!absl::SimpleAtod(tokens_->next().text, &value)) return tokens_->Error("a bad number");
      tokens_->Take();
      made->literal = TemplateValue(value);
      return made;
    }
    case TemplateToken::kOperator:
      return ParseBracketed();
    default:
      return tokens_->Error("expected an expression, found '", tokens_->next().text, "'");
  }
}

absl::StatusOr<Ptr> TemplateExpressionParser::ParseConstantOrName() {
  Ptr made = Make(Kind::kLiteral);
  made->text = tokens_->Take().text;
  const absl::string_view name = made->text;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    made->literal = TemplateValue(name == "true" || name == "True");
  } else if (name != "none" && name != "None") {
    made->kind = Kind::kName;
  }
  return made;
}

// ( ), [ ] and { }.
absl::StatusOr<Ptr> TemplateExpressionParser::ParseBracketed() {
  Ptr made = Make(Kind::kList);
  if (tokens_->TakeOperator("(")) {
    if (tokens_->TakeOperator(")")) return made;
    HEKLA_ASSIGN_OR_RETURN(made, ParseTuple());
    HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator(")"));
    return made;
  }
  const bool dict = tokens_->IsOperator("{");
  if (!dict && !tokens_->IsOperator("[")) {
    return tokens_->Error("expected an expression, found '", tokens_->next().text, "'");
  }
  tokens_->Take();
  const char* const close = dict ? "}" : "]";
  if (dict) made->kind = Kind::kDict;
  while (!tokens_->IsOperator(close)) {
    HEKLA_ASSIGN_OR_RETURN(Ptr element, Parse());
    made->children.push_back(std::move(element));
    if (dict) {
      HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator(":"));
      HEKLA_ASSIGN_OR_RETURN(Ptr value, Parse());
      made->children.push_back(std::move(value));
    }
    if (!tokens_->TakeOperator(",") && !tokens_->IsOperator(close)) return tokens_->ExpectOperator(close);
  }
  HEKLA_RETURN_IF_ERROR(tokens_->ExpectOperator(close));
  return made;
}

}  // namespace hekla::text
