// The part both ways of formatting share: one field's width, precision and kind, and values laid out by it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pingti::jinja {

inline constexpr int64_t kMaxWidth = 100'000;
inline constexpr int64_t kMaxPrecision = 1'000;

struct Spec {
  std::string fill = " ";
  char align = 0;   // < > ^ = or 0: the type's own
  char sign = '-';  // - + or space
  bool alternate = false;
  bool zero = false;
  char grouping = 0;  // , or _
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
};

int64_t read_digits(std::string_view text, size_t* at, int64_t limit);  // digits from *at on; none: 0
std::string pad(std::string text, const Spec& spec, char own_align);
std::string format_integer(int64_t number, const Spec& spec);
std::string format_real(double d, const Spec& spec);
std::string cut(const std::string& text, int64_t precision);  // the first code points; negative: all
std::string print_double(double d, char type, int precision, bool alternate);  // printf's

}  // namespace pingti::jinja
