// Plain HTTP/1.1 messages: what handlers read and write. Values only; nothing here does I/O.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pingti::net {

// Header fields in order; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // The first value of that name, or empty.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  int count(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method;  // as sent, upper case by convention ("GET")
  std::string target;  // as sent
  std::string path;    // percent-decoded, without the query
  std::string query;   // behind '?', as sent
  Headers headers;
  std::string body;
  std::string peer;  // "127.0.0.1:54321"
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Connection and Date are added
  std::string body;
};

std::string_view status_text(int status);

// ASCII case-insensitive equality.
bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace pingti::net
