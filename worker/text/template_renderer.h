// Renders a parsed chat template. Bounded in steps, in the size of every text, and in depth, so that no
// template and no conversation can hold up or exhaust a worker.
//
// One thread; the statements outlive it. Functions and macros see what Jinja lets them see: loops have scopes
// of their own, macros see the template's own variables.
#ifndef HEKLA_WORKER_TEXT_TEMPLATE_RENDERER_H_
#define HEKLA_WORKER_TEXT_TEMPLATE_RENDERER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/text/template_functions.h"
#include "worker/text/template_syntax.h"

namespace hekla::text {

class TemplateRenderer {
 public:
  // `max_steps`: statements and expressions, and one more for each 64 bytes or element that they make.
  TemplateRenderer(const std::vector<TemplateStatement>* statements, int64_t max_steps)
      : statements_(*statements), steps_left_(max_steps), max_steps_(max_steps) {}

  // Once. Errors: INVALID_ARGUMENT raise_exception, with the template's words alone; UNIMPLEMENTED something
  // that is not known; FAILED_PRECONDITION a wrong kind of value, or undefined; RESOURCE_EXHAUSTED a bound.
  // All but the first name the line.
  absl::StatusOr<std::string> Render(TemplateValue::Dict variables);

 private:
  using Result = absl::StatusOr<TemplateValue>;
  enum class Flow { kNext, kBreak, kContinue };
  struct Scope {
    TemplateValue::Dict variables;
    const TemplateValue::List* loop = nullptr;  // its elements
    size_t loop_index = 0;
  };

  absl::StatusOr<Flow> Run(const std::vector<TemplateStatement>& statements);
  absl::StatusOr<Flow> RunOne(const TemplateStatement& statement);
  absl::StatusOr<Flow> RunFor(const TemplateStatement& statement);
  absl::Status RunSet(const TemplateStatement& statement);
  absl::Status Bind(const TemplateStatement& statement, TemplateValue value);
  void SetVariable(const std::string& name, TemplateValue value);
  absl::Status Output(const std::string& text);

  Result Evaluate(const TemplateExpression& expression);
  Result EvaluateKind(const TemplateExpression& expression);
  Result Variable(const std::string& name) const;
  TemplateValue LoopVariable(const Scope& scope) const;
  Result MakeList(const TemplateExpression& expression);
  Result MakeDict(const TemplateExpression& expression);
  Result Attribute(const TemplateExpression& expression);
  Result Item(const TemplateExpression& expression);
  Result Slice(const TemplateExpression& expression);
  Result Call(const TemplateExpression& expression);
  Result CallMacro(const TemplateMacro& macro, TemplateArguments arguments);
  Result Filter(const TemplateExpression& expression);
  Result Test(const TemplateExpression& expression);
  Result Compare(const TemplateExpression& expression);
  Result Logic(const TemplateExpression& expression);
  absl::StatusOr<TemplateArguments> EvaluateArguments(const TemplateExpression& expression);
  absl::Status Charge(int64_t steps);
  absl::Status ChargeFor(const TemplateValue& made);

  const std::vector<TemplateStatement>& statements_;
  std::vector<Scope> scopes_;  // the template's own first
  std::string output_;
  int64_t steps_left_;
  const int64_t max_steps_;
  int depth_ = 0;   // of expressions and statements being evaluated
  int macros_ = 0;  // being called
};

}  // namespace hekla::text

#endif  // HEKLA_WORKER_TEXT_TEMPLATE_RENDERER_H_
