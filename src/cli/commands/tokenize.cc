// pingti tokenize: a text's token ids.
#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/command.h"
#include "cli/print.h"
#include "engine/vocab_from_gguf.h"
#include "gguf/gguf.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

struct TokenizeFlags {
  std::string model;
  bool no_special = false;
};

Result<std::vector<int32_t>> tokenize(const TokenizeFlags& flags, std::string_view text) {
  PT_TRY(const gguf::File file, gguf::File::open(flags.model, {.allow_missing_data = true}));
  PT_TRY(Vocab vocab, read_vocab(file));
  PT_TRY(const auto tokenizer, Tokenizer::create(std::move(vocab)));
  return tokenizer->encode(text, {.add_special = !flags.no_special, .parse_special = !flags.no_special});
}

int run(const TokenizeFlags& flags) {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const auto ids = tokenize(flags, text);
  if (!ids) return print_error(ids.error());
  std::cout << nlohmann::json(*ids).dump() << "\n";
  return std::cout.flush() ? kExitOk : kExitFailed;
}

void attach(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<TokenizeFlags>();
  app.add_option("-m,--model", flags->model, "Model file (GGUF)")->required()->check(CLI::ExistingFile);
  app.add_flag("--no-special", flags->no_special,
               "Add no begin or end token, and read control tokens spelled in the text as ordinary text");
  app.footer("Reads the text from standard input, unchanged, and prints a JSON array of ids.");
  app.callback([flags, exit_code] { *exit_code = run(*flags); });
}

}  // namespace

extern const Command kTokenizeCommand;
const Command kTokenizeCommand{"tokenize", "print the token ids of a text", attach};

}  // namespace pingti
