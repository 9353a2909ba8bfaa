#include "server/routes/generate.h"

#include <ctime>

#include "base/version.h"

namespace pingti {

wire::AnswerHead answer_head(const ServedModel& model, std::string_view id_prefix) {
  return {random_id(id_prefix), std::time(nullptr), model.name, std::string("pingti-") + kVersion};
}

}  // namespace pingti
