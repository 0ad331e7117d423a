#include "worker/text/template_renderer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/template_arithmetic.h"

namespace hekla::text {
namespace {

using Value = TemplateValue;
using List = TemplateValue::List;

constexpr int kMaxDepth = 250;        // of expressions and statements in each other, macros included
constexpr int kMaxMacros = 16;        // calls in each other
constexpr int kMaxValueDepth = 64;    // lists and dicts in each other
constexpr size_t kBytesOfAStep = 64;  // of texts made

absl::Status UndefinedError(const Value& value) {
  return absl::FailedPreconditionError(absl::StrCat("'", value.undefined_name(), "' is undefined"));
}

// Names the line once; what the template says with raise_exception stays as it is.
absl::Status AtLine(const absl::Status& status, int line) {
  if (status.ok() || absl::IsInvalidArgument(status)) return status;
  if (absl::string_view(status.message()).substr(0, 14) == "template line ") return status;
  return absl::Status(status.code(), absl::StrCat("template line ", line, ": ", status.message()));
}

class Nesting {
 public:
  explicit Nesting(int* depth) : depth_(depth) { ++*depth_; }
  ~Nesting() { --*depth_; }

 private:
  int* const depth_;
};

}  // namespace

absl::StatusOr<std::string> TemplateRenderer::Render(Value::Dict variables) {
  scopes_.push_back({std::move(variables), nullptr, 0});
  HEKLA_RETURN_IF_ERROR(Run(statements_).status());
  return std::move(output_);
}

absl::Status TemplateRenderer::Charge(int64_t steps) {
  steps_left_ -= steps;
  if (steps_left_ >= 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("rendering takes more than ", max_steps_, " steps"));
}

// The price of a value that was made, by its size.
absl::Status TemplateRenderer::ChargeFor(const Value& made) {
  if (made.depth() > kMaxValueDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("lists are nested deeper than ", kMaxValueDepth, " levels"));
  }
  if (made.is_text()) return Charge(static_cast<int64_t>(made.text().size() / kBytesOfAStep));
  if (made.is_list()) return Charge(static_cast<int64_t>(made.list().size()));
  return absl::OkStatus();
}

absl::Status TemplateRenderer::Output(const std::string& text) {
  if (output_.size() + text.size() > kMaxTemplateText) return TemplateTooLarge();
  output_ += text;
  return Charge(static_cast<int64_t>(text.size() / kBytesOfAStep));
}

absl::StatusOr<TemplateRenderer::Flow> TemplateRenderer::Run(
    const std::vector<TemplateStatement>& statements) {
  for (const TemplateStatement& statement : statements) {
    const absl::StatusOr<Flow> flow = RunOne(statement);
    if (!flow.ok()) return AtLine(flow.status(), statement.line);
    if (*flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

absl::StatusOr<TemplateRenderer::Flow> TemplateRenderer::RunOne(const TemplateStatement& statement) {
  const Nesting nesting(&depth_);
  HEKLA_RETURN_IF_ERROR(Charge(1));
  switch (statement.kind) {
    case TemplateStatement::kText:
      HEKLA_RETURN_IF_ERROR(Output(statement.text));
      return Flow::kNext;
    case TemplateStatement::kOutput: {
      HEKLA_ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.expression));
      HEKLA_RETURN_IF_ERROR(Output(value.Printed()));
      return Flow::kNext;
    }
    case TemplateStatement::kFor:
      return RunFor(statement);
    case TemplateStatement::kIf: {
      HEKLA_ASSIGN_OR_RETURN(const Value condition, Evaluate(*statement.expression));
      return Run(condition.Truth() ? statement.body : statement.otherwise);
    }
    case TemplateStatement::kSet:
    case TemplateStatement::kSetBlock:
      HEKLA_RETURN_IF_ERROR(RunSet(statement));
      return Flow::kNext;
    case TemplateStatement::kMacro:
      SetVariable(statement.macro->name, Value(statement.macro.get()));
      return Flow::kNext;
    case TemplateStatement::kScope:
      return Run(statement.body);
    case TemplateStatement::kBreak:
      return Flow::kBreak;
    case TemplateStatement::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

absl::StatusOr<TemplateRenderer::Flow> TemplateRenderer::RunFor(const TemplateStatement& statement) {
  HEKLA_ASSIGN_OR_RETURN(const Value over, Evaluate(*statement.expression));
  HEKLA_ASSIGN_OR_RETURN(List elements, TemplateElements(over));
  HEKLA_RETURN_IF_ERROR(Charge(static_cast<int64_t>(elements.size())));
  if (statement.condition != nullptr) {
    List chosen;
    for (Value& element : elements) {
      scopes_.push_back({});
      HEKLA_RETURN_IF_ERROR(Bind(statement, element));
      HEKLA_ASSIGN_OR_RETURN(const Value condition, Evaluate(*statement.condition));
      scopes_.pop_back();
      if (condition.Truth()) chosen.push_back(std::move(element));
    }
    elements = std::move(chosen);
  }
  if (elements.empty()) return Run(statement.otherwise);
  for (size_t i = 0; i < elements.size(); ++i) {
    scopes_.push_back({{}, &elements, i});
    HEKLA_RETURN_IF_ERROR(Bind(statement, elements[i]));
    HEKLA_ASSIGN_OR_RETURN(const Flow flow, Run(statement.body));
    scopes_.pop_back();
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

absl::Status TemplateRenderer::RunSet(const TemplateStatement& statement) {
  if (statement.kind == TemplateStatement::kSetBlock) {
    std::string outer;
    outer.swap(output_);
    scopes_.push_back({});
    HEKLA_RETURN_IF_ERROR(Run(statement.body).status());
    scopes_.pop_back();
    outer.swap(output_);
    SetVariable(statement.targets.front(), Value(std::move(outer)));
    return absl::OkStatus();
  }
  HEKLA_ASSIGN_OR_RETURN(Value value, Evaluate(*statement.expression));
  if (statement.text.empty()) return Bind(statement, std::move(value));
  HEKLA_ASSIGN_OR_RETURN(Value target, Variable(statement.targets.front()));
  if (!target.is_namespace()) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", statement.targets.front(), "' is ", target.KindName(), ", not a namespace"));
  }
  if (value.holds_namespace()) return absl::FailedPreconditionError("a namespace cannot hold a namespace");
  target.SetEntry(statement.text, std::move(value));
  return absl::OkStatus();
}

// The targets of a loop or of a set become the value, or its elements.
absl::Status TemplateRenderer::Bind(const TemplateStatement& statement, Value value) {
  if (statement.targets.size() == 1) {
    SetVariable(statement.targets.front(), std::move(value));
    return absl::OkStatus();
  }
  HEKLA_ASSIGN_OR_RETURN(List elements, TemplateElements(value));
  if (elements.size() != statement.targets.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat(elements.size(), " values for ", statement.targets.size(), " names"));
  }
  for (size_t i = 0; i < elements.size(); ++i) SetVariable(statement.targets[i], std::move(elements[i]));
  return absl::OkStatus();
}

void TemplateRenderer::SetVariable(const std::string& name, Value value) {
  Value::Dict& variables = scopes_.back().variables;
  for (auto& [known, old] : variables) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  variables.emplace_back(name, std::move(value));
}

TemplateRenderer::Result TemplateRenderer::Variable(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (name == "loop" && scope->loop != nullptr) return LoopVariable(*scope);
    for (const auto& [known, value] : scope->variables) {
      if (known == name) return value;
    }
  }
  return Value(Value::Undefined{name});
}

Value TemplateRenderer::LoopVariable(const Scope& scope) const {
  const List& elements = *scope.loop;
  const auto index = static_cast<int64_t>(scope.loop_index), size = static_cast<int64_t>(elements.size());
  Value::Dict loop;
  loop.emplace_back("index", Value(index + 1));
  loop.emplace_back("index0", Value(index));
  loop.emplace_back("revindex", Value(size - index));
  loop.emplace_back("revindex0", Value(size - index - 1));
  loop.emplace_back("first", Value(index == 0));
  loop.emplace_back("last", Value(index + 1 == size));
  loop.emplace_back("length", Value(size));
  if (index > 0) loop.emplace_back("previtem", elements[index - 1]);
  if (index + 1 < size) loop.emplace_back("nextitem", elements[index + 1]);
  return Value(std::move(loop));
}

TemplateRenderer::Result TemplateRenderer::Evaluate(const TemplateExpression& expression) {
  const Nesting nesting(&depth_);
  if (depth_ > kMaxDepth) {
    return absl::ResourceExhaustedError(absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
  }
  HEKLA_RETURN_IF_ERROR(Charge(1));
  Result value = EvaluateKind(expression);
  return value.ok() ? std::move(value) : AtLine(value.status(), expression.line);
}

TemplateRenderer::Result TemplateRenderer::EvaluateKind(const TemplateExpression& expression) {
  switch (expression.kind) {
    case TemplateExpression::kLiteral:
      return expression.literal;
    case TemplateExpression::kName:
      return Variable(expression.text);
    case TemplateExpression::kList:
      return MakeList(expression);
    case TemplateExpression::kDict:
      return MakeDict(expression);
    case TemplateExpression::kAttribute:
      return Attribute(expression);
    case TemplateExpression::kItem:
      return Item(expression);
    case TemplateExpression::kSlice:
      return Slice(expression);
    case TemplateExpression::kCall:
      return Call(expression);
    case TemplateExpression::kFilter:
      return Filter(expression);
    case TemplateExpression::kTest:
      return Test(expression);
    case TemplateExpression::kComparison:
      return Compare(expression);
    case TemplateExpression::kNot:
    case TemplateExpression::kAnd:
    case TemplateExpression::kOr:
    case TemplateExpression::kConditional:
      return Logic(expression);
    case TemplateExpression::kNegate:
    case TemplateExpression::kArithmetic:
      break;
  }
  HEKLA_ASSIGN_OR_RETURN(const Value first, Evaluate(*expression.children.front()));
  if (expression.kind == TemplateExpression::kNegate)
    return TemplateArithmetic("-", Value(int64_t{0}), first);
  HEKLA_ASSIGN_OR_RETURN(const Value second, Evaluate(*expression.children[1]));
  HEKLA_ASSIGN_OR_RETURN(Value made, TemplateArithmetic(expression.text, first, second));
  HEKLA_RETURN_IF_ERROR(ChargeFor(made));
  return made;
}

TemplateRenderer::Result TemplateRenderer::MakeList(const TemplateExpression& expression) {
  List elements;
  for (const TemplateExpression::Ptr& child : expression.children) {
    HEKLA_ASSIGN_OR_RETURN(Value element, Evaluate(*child));
    elements.push_back(std::move(element));
  }
  Value made(std::move(elements));
  HEKLA_RETURN_IF_ERROR(ChargeFor(made));
  return made;
}

TemplateRenderer::Result TemplateRenderer::MakeDict(const TemplateExpression& expression) {
  Value::Dict entries;
  for (size_t i = 0; i < expression.children.size(); i += 2) {
    HEKLA_ASSIGN_OR_RETURN(const Value key, Evaluate(*expression.children[i]));
    HEKLA_ASSIGN_OR_RETURN(Value value, Evaluate(*expression.children[i + 1]));
    if (!key.is_text()) return absl::UnimplementedError(absl::StrCat("a dict's key is ", key.KindName()));
    entries.emplace_back(key.text(), std::move(value));
  }
  Value made(std::move(entries));
  HEKLA_RETURN_IF_ERROR(ChargeFor(made));
  return made;
}

TemplateRenderer::Result TemplateRenderer::Attribute(const TemplateExpression& expression) {
  HEKLA_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.children.front()));
  if (object.is_undefined()) return UndefinedError(object);
  const Value* found = object.is_dict() ? object.Find(expression.text) : nullptr;
  return found != nullptr ? *found : Value(Value::Undefined{expression.text});
}

TemplateRenderer::Result TemplateRenderer::Item(const TemplateExpression& expression) {
  HEKLA_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.children[0]));
  HEKLA_ASSIGN_OR_RETURN(const Value index, Evaluate(*expression.children[1]));
  if (object.is_text()) HEKLA_RETURN_IF_ERROR(ChargeFor(object));
  return TemplateItem(object, index);
}

TemplateRenderer::Result TemplateRenderer::Slice(const TemplateExpression& expression) {
  HEKLA_ASSIGN_OR_RETURN(const Value object, Evaluate(*expression.children[0]));
  HEKLA_RETURN_IF_ERROR(ChargeFor(object));
  Value parts[3];
  for (int i = 0; i < 3; ++i) {
    if (expression.children[i + 1] == nullptr) continue;
    HEKLA_ASSIGN_OR_RETURN(parts[i], Evaluate(*expression.children[i + 1]));
  }
  return TemplateSlice(object, &parts[0], &parts[1], &parts[2]);
}

absl::StatusOr<TemplateArguments> TemplateRenderer::EvaluateArguments(const TemplateExpression& expression) {
  TemplateArguments arguments;
  for (size_t i = 1; i < expression.children.size(); ++i) {
    HEKLA_ASSIGN_OR_RETURN(Value value, Evaluate(*expression.children[i]));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, argument] : expression.named) {
    HEKLA_ASSIGN_OR_RETURN(Value value, Evaluate(*argument));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

// object.method(...), macro(...) or function(...).
TemplateRenderer::Result TemplateRenderer::Call(const TemplateExpression& expression) {
  const TemplateExpression& callee = *expression.children.front();
  if (callee.kind == TemplateExpression::kAttribute) {
    HEKLA_ASSIGN_OR_RETURN(const Value object, Evaluate(*callee.children.front()));
    HEKLA_ASSIGN_OR_RETURN(const TemplateArguments arguments, EvaluateArguments(expression));
    HEKLA_RETURN_IF_ERROR(ChargeFor(object));
    HEKLA_ASSIGN_OR_RETURN(Value made, CallTemplateMethod(callee.text, object, arguments));
    HEKLA_RETURN_IF_ERROR(ChargeFor(made));
    return made;
  }
  HEKLA_ASSIGN_OR_RETURN(const Value function, Evaluate(callee));
  HEKLA_ASSIGN_OR_RETURN(TemplateArguments arguments, EvaluateArguments(expression));
  if (function.is_macro()) return CallMacro(*function.macro(), std::move(arguments));
  if (callee.kind != TemplateExpression::kName || !function.is_undefined()) {
    return absl::FailedPreconditionError(absl::StrCat(function.KindName(), " cannot be called"));
  }
  HEKLA_ASSIGN_OR_RETURN(Value made, CallTemplateFunction(callee.text, arguments));
  HEKLA_RETURN_IF_ERROR(ChargeFor(made));
  return made;
}

// Runs a macro in a scope of its own over the template's; what it prints is its value.
TemplateRenderer::Result TemplateRenderer::CallMacro(const TemplateMacro& macro,
                                                     TemplateArguments arguments) {
  const Nesting nesting(&macros_);
  if (macros_ > kMaxMacros) {
    return absl::ResourceExhaustedError(absl::StrCat("macros call each other ", kMaxMacros, " levels deep"));
  }
  if (arguments.positional.size() > macro.parameters.size()) {
    return absl::FailedPreconditionError(absl::StrCat("the macro ", macro.name, " takes ",
                                                      macro.parameters.size(), " arguments, not ",
                                                      arguments.positional.size()));
  }
  for (const auto& [name, value] : arguments.named) {
    const bool known =
        std::any_of(macro.parameters.begin(), macro.parameters.end(),
                    [&wanted = name](const auto& parameter) { return parameter.first == wanted; });
    if (!known)
      return absl::FailedPreconditionError(absl::StrCat("the macro ", macro.name, " has no ", name));
  }
  std::vector<Scope> callers;
  callers.swap(scopes_);
  scopes_.push_back(std::move(callers.front()));
  scopes_.push_back({});
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const auto& [name, fallback] = macro.parameters[i];
    const Value* given = arguments.Get(i, name);
    Value value(Value::Undefined{name});
    if (given != nullptr) {
      value = *given;
    } else if (fallback != nullptr) {
      HEKLA_ASSIGN_OR_RETURN(value, Evaluate(*fallback));
    }
    SetVariable(name, std::move(value));
  }
  std::string printed;
  printed.swap(output_);
  HEKLA_RETURN_IF_ERROR(Run(macro.body).status());
  printed.swap(output_);
  callers.front() = std::move(scopes_.front());
  callers.swap(scopes_);
  return Value(std::move(printed));
}

TemplateRenderer::Result TemplateRenderer::Filter(const TemplateExpression& expression) {
  HEKLA_ASSIGN_OR_RETURN(const Value value, Evaluate(*expression.children.front()));
  HEKLA_ASSIGN_OR_RETURN(const TemplateArguments arguments, EvaluateArguments(expression));
  HEKLA_RETURN_IF_ERROR(ChargeFor(value));
  HEKLA_ASSIGN_OR_RETURN(Value made, ApplyTemplateFilter(expression.text, value, arguments));
  HEKLA_RETURN_IF_ERROR(ChargeFor(made));
  return made;
}

TemplateRenderer::Result TemplateRenderer::Test(const TemplateExpression& expression) {
  const TemplateExpression& tested = *expression.children.front();
  HEKLA_ASSIGN_OR_RETURN(const Value value, Evaluate(tested));
  HEKLA_ASSIGN_OR_RETURN(const TemplateArguments arguments, EvaluateArguments(expression));
  if (value.is_undefined() && tested.kind == TemplateExpression::kName && IsTemplateFunction(tested.text)) {
    if (expression.text == "defined" || expression.text == "callable") return Value(true);
    if (expression.text == "undefined") return Value(false);
  }
  HEKLA_ASSIGN_OR_RETURN(const bool result, ApplyTemplateTest(expression.text, value, arguments));
  return Value(result);
}

TemplateRenderer::Result TemplateRenderer::Compare(const TemplateExpression& expression) {
  HEKLA_ASSIGN_OR_RETURN(Value left, Evaluate(*expression.children.front()));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    HEKLA_ASSIGN_OR_RETURN(Value right, Evaluate(*expression.children[i + 1]));
    HEKLA_RETURN_IF_ERROR(ChargeFor(right));
    HEKLA_ASSIGN_OR_RETURN(const bool holds, TemplateComparison(expression.operators[i], left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

// `and` and `or` give one of their operands, as in Python.
TemplateRenderer::Result TemplateRenderer::Logic(const TemplateExpression& expression) {
  HEKLA_ASSIGN_OR_RETURN(Value first, Evaluate(*expression.children.front()));
  const bool truth = first.Truth();
  switch (expression.kind) {
    case TemplateExpression::kNot:
      return Value(!truth);
    case TemplateExpression::kAnd:
      return truth ? Evaluate(*expression.children[1]) : Result(std::move(first));
    case TemplateExpression::kOr:
      return truth ? Result(std::move(first)) : Evaluate(*expression.children[1]);
    default:
      break;
  }
  if (truth) return Evaluate(*expression.children[1]);
  if (expression.children[2] == nullptr) return Value(Value::Undefined{"the else of an if"});
  return Evaluate(*expression.children[2]);
}

}  // namespace hekla::text
