// What tokens are for, where a model file leaves it out: recognised by the spellings the field uses.
#pragma once

#include <cstdint>
#include <vector>

#include "text/string_table.h"
#include "text/vocab.h"

namespace pingti {

// Fills eot, eom and the fim_* ids that are -1.
void fill_token_roles(Vocab& vocab, const StringTable& spelling);

// Ids that end a generation: eos, eot, eom, and every special token whose spelling says so; ascending.
std::vector<int32_t> end_of_generation_ids(const Vocab& vocab, const StringTable& spelling);

}  // namespace pingti
