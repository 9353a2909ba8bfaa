#include "text/vocab.h"

#include "text/pretokenizer.h"

namespace pingti {

Vocab default_vocab(std::string model, std::string pre) {
  Vocab vocab;
  vocab.model = std::move(model);
  vocab.pre = std::move(pre);
  if (vocab.model == "llama") {
    vocab.bos = 1;
    vocab.eos = 2;
    vocab.unk = 0;
    vocab.add_bos = true;
  } else if (vocab.model == "t5") {
    vocab.eos = 1;
    vocab.unk = 2;
    vocab.pad = 0;
    vocab.add_eos = true;
  } else if (vocab.model == "gemma4") {
    vocab.add_bos = true;
    vocab.add_space_prefix = false;
  } else if (const PretokenizerKind* kind = find_pretokenizer(vocab.pre)) {
    vocab.add_bos = kind->add_bos;
  }
  return vocab;
}

}  // namespace pingti
