#include "grammar/string_format.h"

namespace pingti {
namespace {

// Dates that exist in every year; RFC 3339 offsets.
#define DATE                                                              \
  R"((?:1[6-9]|2\d)\d{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|)" \
  R"((?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])))"
#define TIME R"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d))"
#define LABEL R"([A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?)"
#define HOST LABEL R"((?:\.)" LABEL R"(){0,5})"
#define BYTE R"((?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))"
#define GROUP R"([0-9a-fA-F]{1,4})"
#define URI_TAIL R"((?:/[A-Za-z0-9._~-]*)*(?:\?[A-Za-z0-9._~=&/-]*)?(?:#[A-Za-z0-9._~=&/-]*)?)"
#define POINTER R"((?:/(?:[ -.0-\[\]-}]|~[01])*)*)"

struct Format {
  std::string_view name;
  std::string_view pattern;
};

constexpr Format kFormats[] = {
    {"date", DATE},
    {"time", TIME},
    {"date-time", DATE "T" TIME},
    {"duration",
     R"(P(?:\d{1,4}W|\d{1,4}Y(?:\d{1,4}M(?:\d{1,4}D)?)?|\d{1,4}M(?:\d{1,4}D)?|\d{1,4}D(?:T\d{1,4}H(?:\d{1,4}M(?:\d{1,4}S)?)?)?|T\d{1,4}H(?:\d{1,4}M(?:\d{1,4}S)?)?|T\d{1,4}M(?:\d{1,4}S)?|T\d{1,4}S))"},
    {"email", R"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@)" HOST R"(\.[A-Za-z]{2,10})"},
    {"hostname", HOST},
    {"ipv4", BYTE R"((?:\.)" BYTE "){3}"},
    {"ipv6", GROUP "(?::" GROUP "){7}|::(?:" GROUP "(?::" GROUP "){0,5})?|" GROUP "(?::" GROUP
                   "){0,2}::(?:" GROUP "(?::" GROUP "){0,3})?"},
    {"uuid", R"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"},
    {"uri", R"((?:https?|ftp)://)" HOST URI_TAIL R"(|(?:urn|mailto|data):[A-Za-z0-9._~:@-]+)"},
    {"uri-reference", R"((?:(?:https?|ftp)://)" HOST ")?" URI_TAIL},
    {"json-pointer", POINTER},
    {"relative-json-pointer", R"((?:0|[1-9][1-9]?)(?:#|)" POINTER ")"},
};

}  // namespace

std::string_view pattern_of_format(std::string_view format) {
  for (const Format& known : kFormats) {
    if (known.name == format) return known.pattern;
  }
  return {};
}

}  // namespace pingti
