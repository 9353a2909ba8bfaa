// Reads tokenizer.ggml.* of a model file into the text layer's plain Vocab.
#pragma once

#include "base/result.h"
#include "gguf/gguf.h"
#include "text/vocab.h"

namespace pingti {

// The strings are copied: the file may be closed afterwards.
// Errors: "vocab.missing" (no tokenizer in the file), and what gguf::File::get reports for wrong types.
Result<Vocab> read_vocab(const gguf::File& file);

}  // namespace pingti
