// What XGrammar has to say: errors as exceptions without time and place, warnings gathered instead of
// printed.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace pingti {

struct LibraryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Warnings of this thread while the object lives; otherwise they are dropped.
class LibraryWarnings {
 public:
  LibraryWarnings();
  ~LibraryWarnings();
  LibraryWarnings(const LibraryWarnings&) = delete;

  const std::vector<std::string>& all() const { return all_; }

 private:
  friend void note_library_warning(const std::string& message);
  std::vector<std::string> all_;
};

}  // namespace pingti
