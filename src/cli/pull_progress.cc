#include "cli/pull_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "hub/text.h"

namespace pingti {
namespace {

using Kind = PullEvent::Kind;

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kNote:
      return "note";
    case Kind::kStart:
      return "start";
    case Kind::kProgress:
      return "progress";
    case Kind::kVerify:
      return "verify";
    case Kind::kDone:
      return "done";
  }
  return "";
}

void print_json(const PullEvent& event) {
  nlohmann::json json = {{"event", kind_name(event.kind)}, {"file", event.file}};
  if (event.kind == Kind::kNote) {
    json["text"] = event.text;
  } else {
    json["done"] = event.done;
    json["total"] = event.total ? nlohmann::json(*event.total) : nlohmann::json();
    json["bytes_per_second"] = static_cast<uint64_t>(event.bytes_per_second);
  }
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

std::string size_text(const PullEvent& event) {
  return event.total ? human_bytes(*event.total) : std::string("size unknown");
}

}  // namespace

void PullProgress::on_event(const PullEvent& event) {
  switch (style_) {
    case Style::kJson:
      print_json(event);
      break;
    case Style::kBar:
      show_bar(event);
      break;
    case Style::kLines:
      show_line(event);
      break;
  }
}

void PullProgress::end_bar() {
  if (bar_open_) fmt::print(stderr, "\n");
  bar_open_ = false;
}

void PullProgress::show_bar(const PullEvent& event) {
  constexpr int kWidth = 30;
  if (event.kind == Kind::kNote || event.kind == Kind::kStart) {
    end_bar();
    if (event.kind == Kind::kNote) fmt::print(stderr, "{}\n", event.text);
    if (event.kind == Kind::kStart) fmt::print(stderr, "{}: {}\n", event.file, size_text(event));
    return;
  }
  std::string line = event.kind == Kind::kVerify ? "checking " : "";
  if (event.total && *event.total > 0) {
    const double share = std::min(1.0, static_cast<double>(event.done) / static_cast<double>(*event.total));
    const int filled = static_cast<int>(share * kWidth);
    line += fmt::format("[{:<{}}] {:3.0f} %  ", std::string(static_cast<size_t>(filled), '#'), kWidth,
                        share * 100);
  }
  line += human_bytes(event.done);
  if (event.bytes_per_second > 0) {
    line += fmt::format("  {}/s", human_bytes(static_cast<uint64_t>(event.bytes_per_second)));
    if (event.total && *event.total > event.done) {
      line += fmt::format("  {:.0f} s left",
                          static_cast<double>(*event.total - event.done) / event.bytes_per_second);
    }
  }
  fmt::print(stderr, "\r{:<76}", line);
  std::fflush(stderr);
  bar_open_ = true;
  if (event.kind == Kind::kDone) end_bar();
}

void PullProgress::show_line(const PullEvent& event) {
  switch (event.kind) {
    case Kind::kNote:
      fmt::print(stderr, "{}\n", event.text);
      break;
    case Kind::kStart:
      next_tenth_ = 1;
      fmt::print(stderr, "{}: {}{}\n", event.file, size_text(event),
                 event.done > 0 ? fmt::format(", {} already there", human_bytes(event.done)) : "");
      break;
    case Kind::kProgress: {
      const uint64_t tenth = event.total && *event.total > 0 ? event.done * 10 / *event.total : 0;
      if (tenth < next_tenth_) break;
      next_tenth_ = tenth + 1;
      fmt::print(stderr, "{}: {} %\n", event.file, tenth * 10);
      break;
    }
    case Kind::kVerify:
      break;
    case Kind::kDone:
      fmt::print(stderr, "{}: whole, {}\n", event.file, human_bytes(event.done));
      break;
  }
}

}  // namespace pingti
