// JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it) for requests, written as briefly as it reads.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/json.h"

namespace pingti::wire::schema {

Json string(std::string_view description = {});
Json text();  // not empty
Json boolean(std::string_view description = {});
Json integer(int64_t min, int64_t max);  // INT64_MAX: no upper limit
Json number(double min, double max);
Json one_of(std::initializer_list<const char*> values);  // strings
Json array(Json items, size_t least, size_t most);
Json any_of(std::initializer_list<Json> alternatives);
Json free_object();  // any members
Json token_ids(size_t most);

// A closed object. Members that are not required may be null, which means absent.
using Members = std::vector<std::pair<const char*, Json>>;
Json object(Members members, std::initializer_list<const char*> required = {});

}  // namespace pingti::wire::schema
