#include "engine/engine.h"

#include "grammar/output_grammar.h"

namespace pingti {

OutputResult<std::shared_ptr<const OutputConstraint>> Engine::constraint(const OutputSpec&,
                                                                         const std::string&) {
  return output_problem(ErrorKind::kUnsupported, "grammar.engine", "this engine gives answers no form");
}

}  // namespace pingti
