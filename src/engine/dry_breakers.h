// Where a repetition ends for the DRY penalty: texts -> token sequences. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pingti {

class Tokenizer;

// Those of a request or command that names none: the ones llama-server uses.
const std::vector<std::string>& default_dry_breakers();

// One sequence per text, as SamplingParams::dry_sequence_breakers wants them. No text may be empty.
std::vector<std::vector<int32_t>> dry_breakers(const Tokenizer& tokenizer,
                                               std::span<const std::string> texts);

}  // namespace pingti
