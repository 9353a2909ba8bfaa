#include "wire/json.h"
#include "wire/tools/call_syntax.h"
#include "wire/tools/json_scanner.h"

namespace pingti::wire {
namespace {

using Scan = JsonScanner::State;
using Status = CallHead::Status;

// A JSON string's characters.
std::string decoded(std::string_view json) {
  const Json value = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// Reads the members of a call's object up to where its arguments begin, or all of them.
class HeadReader {
 public:
  HeadReader(std::string_view text, bool strict) : cursor_{text}, strict_(strict) {}

  CallHead read() {
    cursor_.skip_space();
    if (cursor_.at_end()) return head_;
    if (cursor_.take("{") == Match::kNo) return none();
    for (bool open = true; open;) open = member();
    return head_;
  }

 private:
  CallHead none() {
    head_ = {.status = Status::kNone};
    return head_;
  }

  // One member; false: head_ is the answer.
  bool member() {
    std::string key;
    if (!read_key(&key)) return false;
    cursor_.skip_space();
    if (cursor_.at_end()) return false;
    const bool arguments = key == "arguments" || key == "parameters";
    const char first = cursor_.peek();
    if (key == "name" ? first != '"' : arguments && first != '{' && first != '"' && first != 'n')
      return none(), false;
    if (strict_ && !arguments && key != "name" && key != "id" && key != "type") return none(), false;
    if (arguments && first == '{' && !head_.name.empty()) {
      head_.status = Status::kCall;
      head_.end = cursor_.at;
      return false;
    }
    const JsonSpan value = scan_json(cursor_.text, cursor_.at);
    if (value.state == Scan::kBad) return none(), false;
    if (value.state == Scan::kOpen) return false;
    cursor_.at = value.end;
    const std::string_view json = cursor_.text.substr(value.begin, value.end - value.begin);
    if (key == "name") head_.name = decoded(json);
    if (arguments) head_.arguments = first == '"' ? decoded(json) : std::string(first == 'n' ? "{}" : json);
    if (head_.arguments && !head_.name.empty()) return call(), false;
    return next();
  }

  bool read_key(std::string* key) {
    cursor_.skip_space();
    if (cursor_.at_end()) return false;
    if (cursor_.peek() != '"') return none(), false;
    const JsonSpan name = scan_json(cursor_.text, cursor_.at);
    if (name.state == Scan::kBad) return none(), false;
    if (name.state == Scan::kOpen) return false;
    *key = decoded(cursor_.text.substr(name.begin, name.end - name.begin));
    cursor_.at = name.end;
    cursor_.skip_space();
    const Match colon = cursor_.at_end() ? Match::kMore : cursor_.take(":");
    if (colon == Match::kNo) none();
    return colon == Match::kYes;
  }

  // After a member: true if another follows.
  bool next() {
    cursor_.skip_space();
    if (cursor_.at_end()) return false;
    if (cursor_.take(",") == Match::kYes) return true;
    if (cursor_.peek() != '}' || head_.name.empty()) return none(), false;
    head_.arguments = "{}";  // a call without arguments
    return call(), false;
  }

  void call() {
    head_.status = Status::kCall;
    head_.end = cursor_.at;
  }

  TextCursor cursor_;
  bool strict_;
  CallHead head_;
};

}  // namespace

CallHead json_call_head(std::string_view text, bool strict) { return HeadReader(text, strict).read(); }

Match json_call_tail(TextCursor* cursor) {
  while (true) {
    cursor->skip_space();
    if (cursor->at_end()) return Match::kMore;
    if (cursor->take("}") == Match::kYes) return Match::kYes;
    if (cursor->take(",") == Match::kNo) return Match::kNo;
    for (int part = 0; part < 2; ++part) {  // a name and a value
      const JsonSpan value = scan_json(cursor->text, cursor->at);
      if (value.state == Scan::kOpen) return Match::kMore;
      if (value.state == Scan::kBad) return Match::kNo;
      cursor->at = value.end;
      if (part == 1) break;
      cursor->skip_space();
      if (cursor->at_end()) return Match::kMore;
      if (cursor->take(":") == Match::kNo) return Match::kNo;
    }
  }
}

}  // namespace pingti::wire
